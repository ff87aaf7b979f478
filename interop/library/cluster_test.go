// Package library holds tests of the unmodified module alone: replicas in one process, without network, disks or
// signatures, whose messages the test sees and may drop, and whose ticks it gives. They show on the library itself what
// docs/protocol.md says was found on ours.
package library

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperledger-labs/SmartBFT/pkg/consensus"
	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger-labs/SmartBFT/smartbftprotos"
	"google.golang.org/protobuf/proto"
)

// settle is longer than every timer that replicas run in real time (CollectTimeout).
const settle = 10 * time.Millisecond

// restMax is longer than any busy machine takes: a rest is some milliseconds.
const restMax = time.Minute

type sent struct {
	from, to uint64
	message  *smartbftprotos.Message
}

// cluster is the members that run; others are the test's to play.
type cluster struct {
	t     *testing.T
	nodes map[uint64]*replica
	// now is what the ticks say. It begins with the real time, because the library does.
	now time.Time

	lock sync.Mutex
	// drop says which messages are lost; all pass when it is nil.
	drop func(message sent) bool
	sent []sent
	// held are ViewData on their way. They arrive when all are at rest, for a next leader that has not joined the view
	// change yet throws them away (item 18), which is not what is tested here.
	held []sent
	log  []string
}

// newCluster starts the members named in running, of all in members.
func newCluster(t *testing.T, members, running []uint64) *cluster {
	return newRestarted(t, members, running, nil)
}

// newRestarted starts them with what their logs hold.
func newRestarted(t *testing.T, members, running []uint64, logs map[uint64][]*smartbftprotos.SavedMessage) *cluster {
	c := &cluster{t: t, nodes: map[uint64]*replica{}, now: time.Now()}
	for _, id := range running {
		c.nodes[id] = newReplica(c, id, members)
		for _, record := range logs[id] {
			raw, err := proto.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			c.nodes[id].WALInitialContent = append(c.nodes[id].WALInitialContent, raw)
		}
	}
	for _, id := range running {
		if err := c.nodes[id].Start(); err != nil {
			t.Fatal(err)
		}
		go c.nodes[id].hear()
	}
	t.Cleanup(func() {
		if t.Failed() {
			c.lock.Lock()
			t.Log(strings.Join(c.log, "\n"))
			c.lock.Unlock()
		}
		for _, node := range c.nodes {
			go node.Stop() // may wait for ever: its goroutines may wait for each other
		}
	})
	c.rest()
	return c
}

// rest waits until replicas have done all that follows from what they were given: for the length of a timer nothing was
// sent, and at its end every goroutine but this one waits for something. Where that never comes, it says who does not rest.
func (c *cluster) rest() {
	c.t.Helper()
	deadline := time.Now().Add(restMax)
	for before := -1; before != c.mark() || working() > 1 || c.release(); time.Sleep(settle) {
		before = c.mark()
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			c.t.Fatalf("no rest within %v: %d goroutines work, %d messages were sent\n%s", restMax, working(), before, stacks)
		}
	}
}

// working counts goroutines that run or could run.
func working() uint64 {
	samples := []metrics.Sample{{Name: "/sched/goroutines/running:goroutines"}, {Name: "/sched/goroutines/runnable:goroutines"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}

// post hands a message over as if `from` had sent it.
func (c *cluster) post(from, to uint64, message *smartbftprotos.Message) {
	each := sent{from, to, proto.Clone(message).(*smartbftprotos.Message)}
	c.lock.Lock()
	c.sent = append(c.sent, each)
	lost := c.drop != nil && c.drop(each)
	isHeld := message.GetViewData() != nil && !lost
	if isHeld {
		c.held = append(c.held, each)
	}
	c.lock.Unlock()
	if !lost && !isHeld {
		c.arrive(each)
	}
}

func (c *cluster) arrive(message sent) {
	if to := c.nodes[message.to]; to != nil {
		to.inbox <- message
	}
}

// release lets what was held arrive, and says whether there was anything.
func (c *cluster) release() bool {
	c.lock.Lock()
	held := c.held
	c.held = nil
	c.lock.Unlock()
	for _, each := range held {
		c.arrive(each)
	}
	return len(held) > 0
}

func (c *cluster) dropping(drop func(message sent) bool) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.drop = drop
}

// from answers what a member has sent since the mark, and the next mark.
func (c *cluster) from(id uint64, mark int) ([]sent, int) {
	c.lock.Lock()
	defer c.lock.Unlock()
	var found []sent
	for _, each := range c.sent[mark:] {
		if each.from == id {
			found = append(found, each)
		}
	}
	return found, len(c.sent)
}

// mark is a place in what was sent so far.
func (c *cluster) mark() int {
	_, mark := c.from(0, 0)
	return mark
}

// votes are the views that a member asked for since the mark, in order, without repetitions in a row.
func (c *cluster) votes(id uint64, mark int) []uint64 {
	var views []uint64
	messages, _ := c.from(id, mark)
	for _, each := range messages {
		vote := each.message.GetViewChange()
		if vote != nil && (len(views) == 0 || views[len(views)-1] != vote.NextView) {
			views = append(views, vote.NextView)
		}
	}
	return views
}

// committed says whether a member has sent a Commit.
func (c *cluster) committed(id uint64) bool {
	messages, _ := c.from(id, 0)
	return slices.ContainsFunc(messages, func(each sent) bool { return each.message.GetCommit() != nil })
}

// hasPrepared says whether a member has sent a Prepare in a view.
func (c *cluster) hasPrepared(id, view uint64) bool {
	messages, _ := c.from(id, 0)
	return slices.ContainsFunc(messages, func(each sent) bool {
		prepare := each.message.GetPrepare()
		return prepare != nil && prepare.View == view
	})
}

// pass lets virtual seconds pass, a tick each.
func (c *cluster) pass(seconds int) {
	for range seconds {
		c.now = c.now.Add(time.Second)
		for _, node := range c.nodes {
			node.scheduler <- c.now
			node.viewChanger <- c.now
		}
		c.rest()
	}
}

// until waits for what follows from messages alone.
func (c *cluster) until(what string, question func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !question(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("no %s within 10 s", what)
		}
	}
}

type replica struct {
	*consensus.Consensus
	cluster                *cluster
	id                     uint64
	members                []uint64
	scheduler, viewChanger chan time.Time
	inbox                  chan sent

	lock      sync.Mutex
	decisions []types.Decision
	// onSync is what the application's sync says besides its newest decision.
	onSync func() types.ReconfigSync
	// onLog sees the template of each line before the replica goes on.
	onLog func(template string)
}

func newReplica(c *cluster, id uint64, members []uint64) *replica {
	r := &replica{
		cluster: c, id: id, members: members, inbox: make(chan sent, 100_000),
		scheduler: make(chan time.Time, 1_000), viewChanger: make(chan time.Time, 1_000),
	}
	r.Consensus = &consensus.Consensus{
		Config: r.config(), Application: r, Assembler: r, WAL: r, Comm: r, Signer: r, Verifier: r, RequestInspector: r,
		Synchronizer: synchronizer{r}, Logger: logger{r}, Metadata: &smartbftprotos.ViewMetadata{},
		Scheduler: r.scheduler, ViewChangerTicker: r.viewChanger,
	}
	return r
}

// config has the library's defaults, but no rotation, and no timers of requests: those would run in real time.
func (r *replica) config() types.Configuration {
	config := types.DefaultConfig
	config.SelfID = r.id
	config.LeaderRotation, config.DecisionsPerLeader = false, 0
	config.RequestForwardTimeout, config.RequestComplainTimeout, config.RequestAutoRemoveTimeout = time.Hour, 2*time.Hour, 3*time.Hour
	config.LeaderHeartbeatTimeout = 24 * time.Hour
	config.CollectTimeout = settle / 2
	return config
}

func (r *replica) hear() {
	for each := range r.inbox {
		r.HandleMessage(each.from, each.message)
	}
}

func (r *replica) delivered() int {
	r.lock.Lock()
	defer r.lock.Unlock()
	return len(r.decisions)
}

func (r *replica) SendConsensus(target uint64, message *smartbftprotos.Message) {
	r.cluster.post(r.id, target, message)
}

func (r *replica) SendTransaction(uint64, []byte) {}

func (r *replica) Nodes() []uint64 { return r.members }

func (r *replica) Append([]byte, bool) error { return nil }

func (r *replica) Deliver(proposal types.Proposal, signatures []types.Signature) types.Reconfig {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.decisions = append(r.decisions, types.Decision{Proposal: proposal, Signatures: signatures})
	return types.Reconfig{CurrentNodes: r.members, CurrentConfig: r.config()}
}

func (r *replica) AssembleProposal(metadata []byte, requests [][]byte) types.Proposal {
	return types.Proposal{Payload: requests[0], Metadata: metadata}
}

func (r *replica) Sign([]byte) []byte { return []byte{1} }

func (r *replica) SignProposal(types.Proposal, []byte) *types.Signature {
	return &types.Signature{ID: r.id, Value: []byte{1}}
}

func (r *replica) VerifyProposal(proposal types.Proposal) ([]types.RequestInfo, error) {
	return r.RequestsFromProposal(proposal), nil
}

func (r *replica) VerifyRequest(request []byte) (types.RequestInfo, error) {
	return r.RequestID(request), nil
}

func (r *replica) VerifyConsenterSig(types.Signature, types.Proposal) ([]byte, error) {
	return nil, nil
}

func (r *replica) VerifySignature(types.Signature) error { return nil }

func (r *replica) VerificationSequence() uint64 { return 0 }

func (r *replica) AuxiliaryData([]byte) []byte { return nil }

func (r *replica) RequestsFromProposal(proposal types.Proposal) []types.RequestInfo {
	return []types.RequestInfo{r.RequestID(proposal.Payload)}
}

func (r *replica) RequestID(request []byte) types.RequestInfo {
	return types.RequestInfo{ClientID: "client", ID: string(request)}
}

type synchronizer struct{ *replica }

func (s synchronizer) Sync() types.SyncResponse {
	s.lock.Lock()
	defer s.lock.Unlock()
	response := types.SyncResponse{Reconfig: types.ReconfigSync{CurrentNodes: s.members, CurrentConfig: s.config()}}
	if len(s.decisions) > 0 {
		response.Latest = s.decisions[len(s.decisions)-1]
	}
	if s.onSync != nil {
		response.Reconfig = s.onSync()
	}
	return response
}

// logger keeps what was said for a test that fails.
type logger struct{ *replica }

func (l logger) Debugf(template string, values ...any) { l.tell("debug", template, values) }
func (l logger) Infof(template string, values ...any)  { l.tell("info", template, values) }
func (l logger) Warnf(template string, values ...any)  { l.tell("warning", template, values) }
func (l logger) Errorf(template string, values ...any) { l.tell("error", template, values) }

func (l logger) Panicf(template string, values ...any) {
	panic(fmt.Sprintf("replica %d gave up: %s", l.id, fmt.Sprintf(template, values...)))
}

func (l logger) tell(level, template string, values []any) {
	l.lock.Lock()
	seen := l.onLog
	l.lock.Unlock()
	if seen != nil {
		seen(template)
	}
	line := fmt.Sprintf("%d %s: %s", l.id, level, fmt.Sprintf(template, values...))
	l.cluster.lock.Lock()
	defer l.cluster.lock.Unlock()
	l.cluster.log = append(l.cluster.log, line)
}
