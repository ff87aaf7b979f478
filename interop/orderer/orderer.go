// Package orderer is the Go library SmartBFT, unmodified, as an orderer of this project: the application, communication and
// synchroniser that Fabric gives it, over gRPC, disk and clock, and the events by which it is measured. docs/interop.md
// says what it is and what it cannot tell.
package orderer

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hyperledger-labs/SmartBFT/pkg/consensus"
	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger-labs/SmartBFT/pkg/wal"
	"github.com/hyperledger-labs/SmartBFT/smartbftprotos"
	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"testbed/interop/fabric"
	"testbed/interop/host"
)

// Orderer runs until it is closed.
type Orderer struct {
	// Detail is the address that it listens on.
	Detail string

	config   *host.Config
	replica  *consensus.Consensus
	observer *observer
	chain    *chain
	wal      *wal.WriteAheadLogFile
	server   *grpc.Server
	cluster  *cluster
	stop     context.CancelFunc
}

// Start opens the disks, listens, and starts the library. fatal ends the process: something it cannot go on without failed.
func Start(config *host.Config, log *host.Log, fatal func(text string)) (*Orderer, error) {
	o := &Orderer{config: config}
	stopped, stop := context.WithCancel(context.Background())
	o.stop = stop
	nodes := slices.Sorted(slices.Values(config.Nodes()))
	o.observer = newObserver(log, config, nodes, fatal)
	parts := transportParts{config.Transport, host.NewSockets(config.Transport, log), log}
	app, creator, err := o.application(log, fatal)
	if err != nil {
		return nil, err
	}
	write, entries, err := wal.InitializeAndReadAll(o.observer, filepath.Join(config.DataDirectory, "wal"), nil)
	if err != nil {
		return nil, fmt.Errorf("Open the write-ahead log: %w", err)
	}
	o.wal = write
	started := make(chan struct{})
	if o.cluster, err = newCluster(config, parts, started); err != nil {
		return nil, err
	}
	sync := &synchroniser{application: app, parts: parts, creator: creator, stopped: stopped}
	if err := o.prepare(app, sync, entries); err != nil {
		return nil, err
	}
	sync.remove = func(info types.RequestInfo) {
		// Not in the pool is as good: the library then refuses it when it comes.
		_ = o.replica.Pool.RemoveRequest(info)
	}
	o.cluster.replica = o.replica
	if err := o.serve(app, parts, started); err != nil {
		return nil, err
	}
	o.tick(stopped)
	if err := o.replica.Start(); err != nil {
		return nil, fmt.Errorf("Start the library: %w", err)
	}
	close(started)
	return o, nil
}

func (o *Orderer) application(log *host.Log, fatal func(string)) (*application, []byte, error) {
	config := o.config
	key, creator, err := identityOf(config)
	if err != nil {
		return nil, nil, err
	}
	consenters := fabric.Consenters{}
	for _, each := range config.Consenters {
		if consenters[each.ID], err = fabric.PublicKey(each.PublicKey); err != nil {
			return nil, nil, fmt.Errorf("Public key of %s: %w", each.Name, err)
		}
	}
	members := fabric.Members{Channel: config.Channel, Keys: map[string]*ecdsa.PublicKey{}}
	for _, each := range config.Clients {
		if err := members.Add(each.MspID, each.PublicKey); err != nil {
			return nil, nil, fmt.Errorf("Public key of %s: %w", each.Name, err)
		}
	}
	if o.chain, err = openChain(config, log); err != nil {
		return nil, nil, err
	}
	return &application{config, key, consenters, members, o.chain, o.observer, fatal}, creator, nil
}

func identityOf(config *host.Config) (*ecdsa.PrivateKey, []byte, error) {
	text, err := os.ReadFile(config.PrivateKeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("Read the private key: %w", err)
	}
	key, err := fabric.PrivateKey(text)
	if err != nil {
		return nil, nil, fmt.Errorf("Read the private key %q: %w", config.PrivateKeyFile, err)
	}
	public, err := fabric.PublicPEM(&key.PublicKey)
	return key, fabric.Creator("", public), err
}

// prepare fills in the library from what the disks hold.
func (o *Orderer) prepare(app *application, sync *synchroniser, entries [][]byte) error {
	last, _ := o.chain.end()
	decision, err := fabric.DecisionFrom(last)
	if err != nil {
		return fmt.Errorf("Read the decision in block %d: %w", last.Header.Number, err)
	}
	metadata := &smartbftprotos.ViewMetadata{}
	if decision == nil {
		decision = &types.Decision{}
	} else {
		metadata = metadataOf(decision.Proposal)
	}
	o.observer.began(metadata, entries)
	o.replica = &consensus.Consensus{
		Config:            o.config.Library(),
		Application:       app,
		Assembler:         app,
		WAL:               o.wal,
		WALInitialContent: entries,
		Comm:              o.cluster,
		Signer:            app,
		Verifier:          app,
		RequestInspector:  app,
		Synchronizer:      sync,
		Logger:            o.observer,
		Metadata:          metadata,
		LastProposal:      decision.Proposal,
		LastSignatures:    decision.Signatures,
	}
	return nil
}

func (o *Orderer) serve(app *application, parts transportParts, started <-chan struct{}) error {
	config := o.config
	listener, err := parts.sockets.Listen(config.Address, config.Port)
	if err != nil {
		return fmt.Errorf("Listen on %s:%d: %w", config.Address, config.Port, err)
	}
	settings := config.Transport
	o.server = grpc.NewServer(
		grpc.MaxRecvMsgSize(messageSizeMax), grpc.MaxSendMsgSize(messageSizeMax),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: settings.KeepaliveTime.Duration(), Timeout: settings.KeepaliveTimeout.Duration(),
		}),
		// Others ping as often as their settings say, with streams or without.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Millisecond, PermitWithoutStream: true}),
	)
	ab.RegisterClusterNodeServiceServer(o.server, o.cluster)
	submit := func(request []byte) error {
		<-started
		return o.replica.SubmitRequest(request)
	}
	ab.RegisterAtomicBroadcastServer(o.server, &service{
		channel: config.Channel, members: app.members, ledger: o.chain.ledger, log: parts.log, submit: submit,
	})
	o.Detail = listener.Addr().String()
	go o.server.Serve(listener)
	return nil
}

// tick drives both of the library's tickers; the first tick comes after the phase. A tick that nobody took is dropped.
func (o *Orderer) tick(stopped context.Context) {
	scheduler, viewChanger := make(chan time.Time, 1), make(chan time.Time, 1)
	o.replica.Scheduler, o.replica.ViewChangerTicker = scheduler, viewChanger
	interval, phase := o.config.Options.TickInterval.Duration(), o.config.TickPhase.Duration()
	if phase == 0 {
		phase = interval
	}
	go func() {
		first := time.NewTimer(phase)
		defer first.Stop()
		var ticker *time.Ticker
		due := first.C
		for {
			select {
			case <-stopped.Done():
				return
			case at := <-due:
				if ticker == nil {
					ticker = time.NewTicker(interval)
					defer ticker.Stop()
					due = ticker.C
				}
				offer(scheduler, at)
				offer(viewChanger, at)
			}
		}
	}()
}

func offer(to chan<- time.Time, at time.Time) {
	select {
	case to <- at:
	default:
	}
}

// Status is what the library shows of itself, and no more: it has no view into phase or view changer.
func (o *Orderer) Status() []host.Fact {
	view, sequence, viewChanging := o.observer.status()
	return []host.Fact{
		host.F("implementation", "smartbft-go"), host.F("view", view), host.F("leader", o.replica.GetLeaderID()),
		host.F("sequence", sequence), host.F("poolCount", o.replica.Pool.Size()),
		host.F("nextView", viewChanging), host.F("height", o.chain.ledger.Height()),
	}
}

// stopMax: the library waits for its goroutines, and some of them may wait for each other (smartbft.md section 15, item 31).
const stopMax = 2 * time.Second

// Close stops serving and then the library, and leaves the files whole: nothing is appended in part.
func (o *Orderer) Close() {
	o.stop()
	o.server.Stop()
	o.cluster.close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.replica.Stop()
	}()
	select {
	case <-done:
		o.wal.Close()
		o.chain.ledger.Close()
	case <-time.After(stopMax):
	}
}
