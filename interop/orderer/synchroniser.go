package orderer

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/grpc/connectivity"

	"testbed/interop/fabric"
	"testbed/interop/host"
)

// Limits of a sync, Fabric's (src/fabric/synchroniser.ts).
const (
	probeTimeout    = 5 * time.Second
	blockTimeout    = 5 * time.Second
	totalTimeout    = 60 * time.Second
	pullBackoffBase = 100 * time.Millisecond
	pullBackoffMax  = 5 * time.Second
)

// synchroniser is the library's Synchronizer as Fabric fills it in: ask all other orderers for their height, aim at the
// (f+1)-th highest, pull and verify blocks, store them, and answer the newest decision of the own ledger.
type synchroniser struct {
	*application
	parts   transportParts
	creator []byte
	// remove takes a synced request out of the pool: its timers would make this node complain about a healthy leader.
	remove  func(info types.RequestInfo)
	stopped context.Context
}

func (s *synchroniser) Sync() types.SyncResponse {
	ctx, cancel := context.WithTimeout(s.stopped, totalTimeout)
	defer cancel()
	s.catchUp(ctx)
	if s.stopped.Err() != nil {
		select {} // the node ends; the library must not go on with half a ledger
	}
	last, _ := s.chain.end()
	decision, err := fabric.DecisionFrom(last)
	if err != nil {
		s.fatal(fmt.Sprintf("Read the decision in block %d: %v", last.Header.Number, err))
		select {}
	}
	response := types.SyncResponse{Reconfig: types.ReconfigSync{CurrentNodes: s.config.Nodes(), CurrentConfig: s.config.Library()}}
	if decision != nil {
		response.Latest = *decision
		s.observer.sawDelivered(decision.Proposal, len(last.Data.Data))
	}
	return response
}

type source struct {
	host.Consenter
	height uint64
}

func (s *synchroniser) catchUp(ctx context.Context) {
	sources := s.heights(ctx)
	if len(sources) == 0 {
		return
	}
	byHeight := slices.SortedFunc(slices.Values(sources), func(a, b source) int { return cmp.Compare(b.height, a.height) })
	target := byHeight[min(s.consenters.FaultsTolerated(), len(byHeight)-1)].height
	height := s.chain.ledger.Height()
	if target <= height {
		return
	}
	var candidates []source
	for _, each := range sources {
		if each.height > height {
			candidates = append(candidates, each)
		}
	}
	backoff := pullBackoffBase
	for attempt := 0; s.chain.ledger.Height() < target && ctx.Err() == nil; attempt++ {
		from := candidates[attempt%len(candidates)]
		before := s.chain.ledger.Height()
		if err := s.pull(ctx, from, min(target, from.height)); err != nil {
			s.tellLeft(from.Name, err)
		}
		if s.chain.ledger.Height() > before {
			backoff = pullBackoffBase
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
			backoff = min(2*backoff, pullBackoffMax)
		}
	}
}

// heights asks all others at once; those that do not answer in time are left out. In the order of the consenters.
func (s *synchroniser) heights(ctx context.Context) []source {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	answers := make(chan source, len(s.config.Consenters))
	asked := 0
	for _, consenter := range s.config.Consenters {
		if consenter.ID == s.config.ID {
			continue
		}
		asked++
		go func() {
			found := source{Consenter: consenter}
			err := s.read(ctx, consenter, fabric.SeekNewest(), func(block *common.Block) (bool, error) {
				found.height = block.Header.Number + 1
				return false, nil
			})
			if err != nil {
				s.tellLeft(consenter.Name, err)
			}
			answers <- found
		}()
	}
	var sources []source
	for range asked {
		if answer := <-answers; answer.height > 0 {
			sources = append(sources, answer)
		}
	}
	slices.SortFunc(sources, func(a, b source) int { return cmp.Compare(a.ID, b.ID) })
	return sources
}

func (s *synchroniser) pull(ctx context.Context, from source, target uint64) error {
	height := s.chain.ledger.Height()
	if height >= target {
		return fmt.Errorf("has no further blocks")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(probeTimeout+blockTimeout, func() { cancel(fmt.Errorf("no block in time")) })
	defer late.Stop()
	return s.read(ctx, from.Consenter, fabric.SeekRange(height, target-1), func(block *common.Block) (bool, error) {
		_, head := s.chain.end()
		checked, err := s.consenters.VerifyBlock(block, head)
		if err != nil {
			return false, err
		}
		if err := s.chain.append(checked, "sync"); err != nil {
			s.fatal(err.Error())
			select {}
		}
		for _, info := range fabric.Identities(checked.Data.Data) {
			s.remove(info)
		}
		late.Reset(blockTimeout)
		return checked.Header.Number+1 < target, nil
	})
}

// read opens a connection of its own, as Fabric does, and hands blocks over until take wants no more.
func (s *synchroniser) read(ctx context.Context, from host.Consenter, seek *ab.SeekInfo, take func(*common.Block) (bool, error)) error {
	channel, err := openChannel(from, "deliver", s.parts)
	if err != nil {
		return err
	}
	defer channel.close()
	if state := channel.settled(probeTimeout); state != connectivity.Ready {
		return fmt.Errorf("channel is %s", stateNames[state])
	}
	stream, err := ab.NewAtomicBroadcastClient(channel).Deliver(ctx)
	if err != nil {
		return err
	}
	channel.tell("opened", "")
	defer channel.tell("closed", "")
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails (crypto/rand)
	envelope, err := fabric.SeekEnvelope(seek, s.config.Channel, s.creator, nonce, func(message []byte) ([]byte, error) {
		return fabric.Sign(s.key, message)
	})
	if err == nil {
		err = stream.Send(envelope)
	}
	for err == nil {
		var response *ab.DeliverResponse
		if response, err = stream.Recv(); err != nil {
			break
		}
		block := response.GetBlock()
		if block == nil {
			return fmt.Errorf("status %d", response.GetStatus())
		}
		if block.Header == nil || block.Metadata == nil {
			return fmt.Errorf("a block without header or metadata")
		}
		if block.Data == nil {
			block.Data = &common.BlockData{}
		}
		more, taken := take(block)
		if taken != nil || !more {
			return taken
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (s *synchroniser) tellLeft(orderer string, err error) {
	s.parts.log.Emit("log", host.F("process", "orderer"), host.F("text", "sync leaves "+orderer+": "+err.Error()))
}
