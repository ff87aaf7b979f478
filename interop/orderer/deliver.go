package orderer

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"

	"testbed/interop/fabric"
)

// seeksMax may wait behind the one being served; the next one ends the stream.
const seeksMax = 16

// Deliver serves seeks one after another (fabric-wire.md section 5.2). Not checked, as under src/fabric: the seek's
// signature and its time. Every status but success ends the stream.
func (s *service) Deliver(stream ab.AtomicBroadcast_DeliverServer) error {
	ended := tellInbound(s.log, peerOf(stream), "deliver")
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	seeks := make(chan *common.Envelope, seeksMax)
	go func() {
		defer close(seeks)
		for {
			envelope, err := stream.Recv()
			if err != nil {
				cancel(err)
				return
			}
			select {
			case seeks <- envelope:
			default:
				cancel(errTooManySeeks)
				return
			}
		}
	}()
	var err error
	for envelope := range seeks {
		if err = s.serve(ctx, stream, envelope); err != nil {
			break
		}
	}
	if errors.Is(context.Cause(ctx), errTooManySeeks) {
		err = stream.Send(statusResponse(common.Status_BAD_REQUEST))
	}
	if err == nil || errors.Is(err, errEnded) {
		err = context.Cause(ctx)
	}
	ended(err)
	return nil
}

var (
	errEnded        = errors.New("ended by a status")
	errTooManySeeks = errors.New("too many seeks at once")
)

func (s *service) serve(ctx context.Context, stream ab.AtomicBroadcast_DeliverServer, envelope *common.Envelope) error {
	seek, status := s.wish(envelope)
	if status == common.Status_SUCCESS {
		status = s.serveRange(ctx, stream, seek)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := stream.Send(statusResponse(status)); err != nil {
		return err
	}
	if status != common.Status_SUCCESS {
		return errEnded
	}
	return nil
}

type wish struct {
	start, stop uint64
	failFast    bool
	headerOnly  bool
}

// wish resolves positions once: "newest" does not move. A start equal to the height waits for the block; one beyond it is
// refused even to readers who would wait.
func (s *service) wish(envelope *common.Envelope) (wish, common.Status) {
	channel, seek, err := fabric.OpenSeek(envelope)
	if err != nil {
		return wish{}, common.Status_BAD_REQUEST
	}
	if channel != s.channel {
		return wish{}, common.Status_NOT_FOUND
	}
	height := s.ledger.Height()
	start, startKnown := positionOf(seek.Start, height)
	stop, stopKnown := positionOf(seek.Stop, height)
	switch {
	case !startKnown || !stopKnown:
		return wish{}, common.Status_BAD_REQUEST
	case start > height:
		return wish{}, common.Status_NOT_FOUND
	case stop < start:
		return wish{}, common.Status_BAD_REQUEST
	}
	failFast := seek.Behavior == ab.SeekInfo_FAIL_IF_NOT_READY
	return wish{start, stop, failFast, seek.ContentType == ab.SeekInfo_HEADER_WITH_SIG}, common.Status_SUCCESS
}

func positionOf(position *ab.SeekPosition, height uint64) (uint64, bool) {
	switch kind := position.GetType().(type) {
	case *ab.SeekPosition_Newest:
		return max(height, 1) - 1, true
	case *ab.SeekPosition_Oldest:
		return 0, true
	case *ab.SeekPosition_NextCommit:
		return height, true
	case *ab.SeekPosition_Specified:
		return kind.Specified.GetNumber(), true
	}
	return 0, false
}

func (s *service) serveRange(ctx context.Context, stream ab.AtomicBroadcast_DeliverServer, asked wish) common.Status {
	for number := asked.start; number <= asked.stop; number++ {
		for {
			changed := s.ledger.Changed()
			if number < s.ledger.Height() {
				break
			}
			if asked.failFast {
				return common.Status_NOT_FOUND
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return common.Status_UNKNOWN
			}
		}
		block, err := s.read(number, asked.headerOnly)
		if err == nil {
			err = stream.Send(&ab.DeliverResponse{Type: &ab.DeliverResponse_Block{Block: block}})
		}
		if err != nil {
			return common.Status_INTERNAL_SERVER_ERROR
		}
		if number == math.MaxUint64 {
			break
		}
	}
	return common.Status_SUCCESS
}

// read leaves the data out where only the header is wanted; block 0 is a config block and comes whole.
func (s *service) read(number uint64, headerOnly bool) (*common.Block, error) {
	stored, err := s.ledger.Read(number)
	if err != nil {
		return nil, fmt.Errorf("Read block %d: %w", number, err)
	}
	block, err := fabric.DecodeBlock(stored)
	if err == nil && headerOnly && number > 0 {
		block = fabric.WithoutData(block)
	}
	return block, err
}

func statusResponse(code common.Status) *ab.DeliverResponse {
	return &ab.DeliverResponse{Type: &ab.DeliverResponse_Status{Status: code}}
}
