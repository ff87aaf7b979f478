package orderer

import (
	"fmt"
	"os"
	"sync"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger-labs/SmartBFT/smartbftprotos"
	"google.golang.org/protobuf/proto"

	"testbed/interop/host"
)

// observer is the library's logger. The library tells what it does in log lines only, but it hands them over as a template
// and its values: steps.go turns known templates into `step` events. What no line tells is left out, never guessed; what
// the wrapped interfaces see (proposals, deliveries, syncs) is used where a line says less than happened.
//
// Lines of several of the library's goroutines come at once, so what is remembered between lines stands under one lock.
type observer struct {
	log   *host.Log
	self  uint64
	nodes []uint64 // ascending
	dpl   uint64   // decisions per leader; 0 without rotation
	fatal func(text string)

	lock sync.Mutex
	// view and leader of the last "Starting view"; running until the view is aborted.
	view    uint64
	leader  uint64
	running bool
	// nextView is what was asked for last.
	nextView uint64
	// monitorView and monitorLeader are the heartbeat monitor's own.
	monitorView uint64
	// viewOf are the views of the last proposals seen, by sequence: lines about a sequence do not name the view.
	viewOf    map[uint64]uint64
	delivered delivery
	inFlight  delivery // view and sequence
	// detail is the last reason for which view data was found bad; the line that refuses it does not say.
	detail string
	// restoring: lines that follow "WAL contains" say what the view starts from.
	restoring bool
	restored  bool
	lastSaved string // "proposed" or "commit": kind of the log's last entry
	syncing   bool
	synced    struct {
		view    uint64
		nothing bool
	}
}

type delivery struct {
	view, sequence, count uint64
	blacklist             []uint64
}

func newObserver(log *host.Log, config *host.Config, nodes []uint64, fatal func(string)) *observer {
	return &observer{log: log, self: config.ID, nodes: nodes, dpl: config.Options.DecisionsPerLeader, fatal: fatal, viewOf: map[uint64]uint64{}}
}

func (o *observer) Debugf(template string, values ...any) { o.take(template, values) }
func (o *observer) Infof(template string, values ...any)  { o.take(template, values) }

// Warnf and worse go to standard error as well, for people.
func (o *observer) Warnf(template string, values ...any) {
	o.take(template, values)
	print("warning", template, values)
}

func (o *observer) Errorf(template string, values ...any) {
	o.take(template, values)
	print("error", template, values)
}

// Panicf does not return: the process ends with what the library could not go on with.
func (o *observer) Panicf(template string, values ...any) {
	print("panic", template, values)
	o.fatal("the library gave up: " + fmt.Sprintf(template, values...))
	select {}
}

func print(level, template string, values []any) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", level, fmt.Sprintf(template, values...))
}

func (o *observer) take(template string, values []any) {
	step, known := steps[template]
	if !known {
		return
	}
	o.lock.Lock()
	defer o.lock.Unlock()
	step(o, values)
}

// step emits; the lock is held, so that events of one observer come in the order in which it learnt of them.
func (o *observer) step(component, step string, facts ...host.Fact) {
	o.log.Emit("step", host.F("component", component), host.F("step", step), host.F("facts", facts))
}

// proposed: the leader assembles a proposal of these requests.
func (o *observer) proposed(metadata *smartbftprotos.ViewMetadata, requests [][]byte) {
	bytes := 0
	for _, request := range requests {
		bytes += len(request)
	}
	o.lock.Lock()
	defer o.lock.Unlock()
	o.step("batcher", "batch", host.F("count", len(requests)), host.F("bytes", bytes))
	o.step("view", "proposing", host.F("view", metadata.ViewId), host.F("sequence", metadata.LatestSequence), host.F("count", len(requests)))
}

// sawProposal: a proposal is verified or signed, so lines about its sequence are about its view.
func (o *observer) sawProposal(proposal types.Proposal) {
	metadata := metadataOf(proposal)
	if metadata == nil {
		return
	}
	o.lock.Lock()
	defer o.lock.Unlock()
	o.viewOf[metadata.LatestSequence] = metadata.ViewId
	delete(o.viewOf, metadata.LatestSequence-16)
}

// stored: a decision is in the ledger. The line that says which component delivered it comes after.
func (o *observer) stored(metadata *smartbftprotos.ViewMetadata, count int) {
	o.lock.Lock()
	defer o.lock.Unlock()
	before := o.delivered.blacklist
	o.delivered = delivery{metadata.ViewId, metadata.LatestSequence, uint64(count), metadata.BlackList}
	if fmt.Sprint(before) != fmt.Sprint(metadata.BlackList) {
		o.step("controller", "blacklist", host.F("view", metadata.ViewId), host.F("sequence", metadata.LatestSequence), host.F("blacklist", metadata.BlackList))
	}
}

// began: what the replica starts from.
func (o *observer) began(metadata *smartbftprotos.ViewMetadata, entries [][]byte) {
	o.delivered = delivery{view: metadata.ViewId, sequence: metadata.LatestSequence, blacklist: metadata.BlackList}
	if len(entries) == 0 {
		return
	}
	last := &smartbftprotos.SavedMessage{}
	if proto.Unmarshal(entries[len(entries)-1], last) != nil {
		return // the library will say so
	}
	switch {
	case last.GetProposedRecord() != nil:
		o.lastSaved = "proposed"
		o.viewOf[last.GetProposedRecord().GetPrePrepare().GetSeq()] = last.GetProposedRecord().GetPrePrepare().GetView()
	case last.GetCommit() != nil:
		o.lastSaved = "commit"
		o.viewOf[last.GetCommit().GetCommit().GetSeq()] = last.GetCommit().GetCommit().GetView()
	}
}

// leaderOf is the library's rule (smartbft.md section 5.1) over what it was told.
func (o *observer) leaderOf(view, decisions uint64) uint64 {
	count := uint64(len(o.nodes))
	if o.dpl == 0 {
		return o.nodes[view%count]
	}
	for offset := range count {
		node := o.nodes[(view+decisions/o.dpl+offset)%count]
		if !contains(o.delivered.blacklist, node) {
			return node
		}
	}
	return 0
}

// view and sequence of a sequence, the view where it is known.
func (o *observer) at(sequence uint64, more ...host.Fact) []host.Fact {
	facts := []host.Fact{host.F("sequence", sequence)}
	if view, known := o.viewOf[sequence]; known {
		facts = append(facts, host.F("view", view))
	}
	return append(facts, more...)
}

func contains(list []uint64, wanted uint64) bool {
	for _, each := range list {
		if each == wanted {
			return true
		}
	}
	return false
}

func metadataOf(proposal types.Proposal) *smartbftprotos.ViewMetadata {
	metadata := &smartbftprotos.ViewMetadata{}
	if proto.Unmarshal(proposal.Metadata, metadata) != nil {
		return nil
	}
	return metadata
}

// sawDelivered: the ledger ends in this decision after a sync.
func (o *observer) sawDelivered(proposal types.Proposal, count int) {
	if metadata := metadataOf(proposal); metadata != nil {
		o.stored(metadata, count)
	}
}

// status is the running view, the sequence of the last decision, and the view asked for last.
func (o *observer) status() (view, sequence, nextView uint64) {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.view, o.delivered.sequence, max(o.nextView, o.view)
}
