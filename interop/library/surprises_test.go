package library

import (
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger-labs/SmartBFT/smartbftprotos"
	"google.golang.org/protobuf/proto"
)

var four = []uint64{1, 2, 3, 4}

// story is a proposal of the first leader for the first sequence.
func story(text string) types.Proposal {
	metadata, err := proto.Marshal(&smartbftprotos.ViewMetadata{LatestSequence: 1})
	if err != nil {
		panic(err)
	}
	return types.Proposal{Payload: []byte(text), Metadata: metadata}
}

func prePrepare(proposal types.Proposal) *smartbftprotos.Message {
	return &smartbftprotos.Message{Content: &smartbftprotos.Message_PrePrepare{PrePrepare: &smartbftprotos.PrePrepare{
		Seq: 1, Proposal: &smartbftprotos.Proposal{Payload: proposal.Payload, Metadata: proposal.Metadata},
	}}}
}

func prepare(proposal types.Proposal) *smartbftprotos.Message {
	return &smartbftprotos.Message{Content: &smartbftprotos.Message_Prepare{Prepare: &smartbftprotos.Prepare{
		Seq: 1, Digest: proposal.Digest(),
	}}}
}

// preparedByTwo: member 1, the leader, is played by the test. It proposes one thing to 2 and 3, tells only 2 of its Prepare,
// says to 4 what it likes, and is never heard of again. 2 is then prepared, 3 and 4 are not.
func preparedByTwo(t *testing.T, toFour func(c *cluster)) *cluster {
	c := newCluster(t, four, []uint64{2, 3, 4})
	proposal := story("one")
	c.post(1, 2, prePrepare(proposal))
	c.post(1, 3, prePrepare(proposal))
	toFour(c)
	c.post(1, 2, prepare(proposal))
	c.until("Commit of 2", func() bool { return c.committed(2) })
	return c
}

// complain about the first leader, once all have read what they were sent: whose view is ended before does not know of a
// proposal that waits for it.
func complain(c *cluster) {
	c.rest()
	for _, node := range c.nodes {
		node.Complain(0, true)
	}
}

func newViews(c *cluster) int {
	count := 0
	for id := range c.nodes {
		messages, _ := c.from(id, 0)
		for _, each := range messages {
			if each.message.GetNewView() != nil {
				count++
			}
		}
	}
	return count
}

// Item 36 of docs/protocol.md: of three ViewData one says "prepared", one "proposed", one "another was proposed", and no
// rule of the library makes a new view of these, however many leaders try.
func TestTwoStoriesEndAllViews(t *testing.T) {
	c := preparedByTwo(t, func(c *cluster) { c.post(1, 4, prePrepare(story("other"))) })
	complain(c)
	c.pass(400)
	for id, node := range c.nodes {
		if node.delivered() != 0 {
			t.Errorf("%d delivered", id)
		}
		if votes := c.votes(id, 0); len(votes) < 4 {
			t.Errorf("%d asked for the views %v, expected one after the other", id, votes)
		}
	}
	if count := newViews(c); count != 0 {
		t.Errorf("%d NewViews were sent, expected none", count)
	}
}

// The same without the second story: what was in flight is committed, and the next view begins.
func TestOneStoryIsCommitted(t *testing.T) {
	c := preparedByTwo(t, func(*cluster) {})
	complain(c)
	c.pass(10)
	for id, node := range c.nodes {
		if node.delivered() != 1 {
			t.Errorf("%d delivered %d decisions, expected the one in flight", id, node.delivered())
		}
	}
	if newViews(c) == 0 {
		t.Error("no NewView was sent")
	}
}

// waitingForCommits brings 4 into the commit of the proposal in flight, which does not end, as the others' Commits do not
// reach it, nor anything else that would help it.
func waitingForCommits(t *testing.T) *cluster {
	c := preparedByTwo(t, func(*cluster) {})
	c.dropping(func(message sent) bool {
		isVote := message.message.GetCommit() != nil || message.message.GetStateTransferResponse() != nil
		return message.to == 4 && isVote
	})
	complain(c)
	c.pass(4)
	if c.nodes[2].delivered() != 1 || c.nodes[4].delivered() != 0 {
		t.Fatalf("2 delivered %d and 4 delivered %d, expected 1 and 0", c.nodes[2].delivered(), c.nodes[4].delivered())
	}
	return c
}

// Item 35: two complaints that come while the commit is waited for fill the queue of requests to start a view change; the
// timeout's own request is lost, and the two are about an old view. 4 never asks for a view again.
func TestTimeoutsOwnRequestIsLost(t *testing.T) {
	c := waitingForCommits(t)
	c.nodes[4].Complain(0, true)
	c.nodes[4].Complain(0, true)
	c.pass(30)
	mark := c.mark()
	c.pass(300)
	if votes := c.votes(4, mark); len(votes) != 0 {
		t.Errorf("4 asked for the views %v, expected that its request was lost", votes)
	}
}

func TestTimeoutAsksForTheNextView(t *testing.T) {
	c := waitingForCommits(t)
	c.pass(30)
	mark := c.mark()
	c.pass(300)
	if votes := c.votes(4, mark); len(votes) == 0 || votes[0] < 2 {
		t.Errorf("4 asked for the views %v, expected view 2 and more", votes)
	}
}

// Item 34: a member that learns by a sync, in the middle of a view change, that the configuration changed begins again
// with the view of its ledger, and asks for views that it asked for long ago.
func TestReconfigurationForgetsTheViewChange(t *testing.T) {
	c := newCluster(t, four, []uint64{2, 3, 4})
	c.dropping(func(message sent) bool { return message.message.GetViewData() != nil })
	complain(c)
	c.pass(50)
	before := c.votes(4, 0)
	if last := before[len(before)-1]; last < 2 {
		t.Fatalf("4 asked for the views %v, expected more than one", before)
	}
	node, told := c.nodes[4], false
	node.lock.Lock()
	node.onSync = func() types.ReconfigSync {
		first := !told
		told = true
		return types.ReconfigSync{InReplicatedDecisions: first, CurrentNodes: node.members, CurrentConfig: node.config()}
	}
	node.lock.Unlock()
	c.pass(100)
	mark := c.mark()
	node.Complain(0, true)
	c.pass(10)
	after := c.votes(4, mark)
	if len(after) == 0 || after[0] >= before[len(before)-1] {
		t.Errorf("4 asked for the views %v and then for %v, expected that it fell back", before, after)
	}
	if others := c.votes(3, mark); len(others) == 0 || others[0] <= after[0] {
		t.Errorf("3 asked for the views %v, expected that it did not fall back", others)
	}
}

// decidedByTwoInFlight lets 1 propose "one" to all, and Prepares reach only the members given. Then 1 and 2 do not hear each other any
// more, and 3 and 4 hear no Commits of 2. All complain: view 1 commits "one", which 2 delivers alone, and 2 is gone.
func decidedByTwoInFlight(t *testing.T, preparing ...uint64) *cluster {
	c := newCluster(t, four, four)
	c.dropping(func(message sent) bool {
		isVote := message.message.GetPrepare() != nil || message.message.GetCommit() != nil
		return isVote && !slices.Contains(preparing, message.to)
	})
	if err := c.nodes[1].SubmitRequest([]byte("one")); err != nil {
		t.Fatal(err)
	}
	for _, id := range preparing {
		c.until("Commit", func() bool { return c.committed(id) })
	}
	c.dropping(func(message sent) bool {
		between := message.from+message.to == 3
		return between || message.from == 2 && message.message.GetCommit() != nil
	})
	complain(c)
	c.pass(5)
	for id, expected := range map[uint64]int{1: 0, 2: 1, 3: 0, 4: 0} {
		if count := c.nodes[id].delivered(); count != expected {
			t.Fatalf("%d delivered %d decisions, expected %d", id, count, expected)
		}
	}
	c.dropping(func(message sent) bool { return message.from == 2 || message.to == 2 })
	return c
}

// nextDecision waits for view 2, lets its leader propose "other", and answers what 3 decided first.
func nextDecision(c *cluster) string {
	c.pass(30)
	if err := c.nodes[3].SubmitRequest([]byte("other")); err != nil {
		c.t.Fatal(err)
	}
	c.until("decision of 3", func() bool { return c.nodes[3].delivered() > 0 })
	return string(c.nodes[3].decisions[0].Proposal.Payload)
}

// Item 40: 3 and 4 have signed "one" inside the view change, but had never prepared it, and their ViewData for view 2 say
// no more than that. Nobody lies, and there are two decisions at one sequence.
func TestCommitInFlightIsForgotten(t *testing.T) {
	c := decidedByTwoInFlight(t, 2)
	if second := nextDecision(c); second != "other" {
		t.Errorf("3 decided %q after 2 had decided \"one\", expected that they disagree", second)
	}
}

// The same when 3 had prepared it too: view 2 commits it.
func TestCommitInFlightIsPrepared(t *testing.T) {
	c := decidedByTwoInFlight(t, 2, 3)
	if second := nextDecision(c); second != "one" {
		t.Errorf("3 decided %q after 2 had decided \"one\"", second)
	}
}

// lateNewView keeps the NewView of view 1 from 4 until 4's timeout for view 1 has just passed, and then hands it over.
// Answers whether 4 asks for any view in the minutes after that; nobody's Commit reaches it.
func lateNewView(t *testing.T) bool {
	c := preparedByTwo(t, func(*cluster) {})
	kept := make(chan sent, 10)
	c.dropping(func(message sent) bool {
		if message.to != 4 {
			return false
		}
		if message.message.GetNewView() != nil {
			kept <- message
		}
		return message.message.GetViewData() == nil && message.message.GetViewChange() == nil
	})
	node := c.nodes[4]
	node.lock.Lock()
	node.onLog = func(template string) {
		if strings.Contains(template, "is calling sync because it got a view change timeout") {
			select {
			case late := <-kept:
				node.HandleMessage(late.from, late.message)
			default:
			}
		}
	}
	node.lock.Unlock()
	complain(c)
	c.pass(25)
	mark := c.mark()
	c.pass(90)
	return len(c.votes(4, mark)) > 0
}

// Item 41: after a timeout the request to go on and a NewView wait for the view changer at once, and it takes either. Takes
// it the NewView, then it commits what is in flight while no timeout is watched, and stays there.
func TestNewViewAtTheTimeout(t *testing.T) {
	for range 30 {
		if !lateNewView(t) {
			return
		}
	}
	t.Error("4 asked for another view each time, expected that it took the NewView first about every other time")
}

// leftInViewOne lets 1 propose "one", which the members given prepare; the ViewData of 4 is lost, and view 1 begins with nothing
// in flight. 2 proposes "other" there to 1 and 3, no Prepare arrives, and 2 is gone.
func leftInViewOne(t *testing.T, preparing ...uint64) *cluster {
	c := newCluster(t, four, four)
	c.dropping(func(message sent) bool {
		return message.message.GetPrepare() != nil && !slices.Contains(preparing, message.to)
	})
	if err := c.nodes[1].SubmitRequest([]byte("one")); err != nil {
		t.Fatal(err)
	}
	for _, id := range four {
		c.until("Prepare in view 0", func() bool { return c.hasPrepared(id, 0) })
	}
	for _, id := range preparing {
		c.until("Commit", func() bool { return c.committed(id) })
	}
	c.dropping(func(message sent) bool {
		isOfFour := message.from == 4 && message.message.GetViewData() != nil
		return isOfFour || message.message.GetPrepare() != nil || message.to == 4 && message.message.GetPrePrepare() != nil
	})
	complain(c)
	c.pass(3)
	if err := c.nodes[2].SubmitRequest([]byte("other")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint64{1, 2, 3} {
		c.until("Prepare in view 1", func() bool { return c.hasPrepared(id, 1) })
	}
	c.dropping(func(message sent) bool { return message.from == 2 || message.to == 2 })
	for _, id := range []uint64{1, 3, 4} {
		c.nodes[id].Complain(1, true)
	}
	c.pass(400)
	return c
}

// Item 43: 4 prepared "one" in view 0, and has been in view 1 since, where it was found void. It argues for it all the same;
// 1, 3 and 4 ask for one view after the other.
func TestVoidIsArguedFor(t *testing.T) {
	c := leftInViewOne(t, 4)
	if count := newViews(c); count != 3 {
		t.Errorf("%d NewViews were sent, expected those of view 1 alone", count)
	}
	for _, id := range []uint64{1, 3, 4} {
		if votes := c.votes(id, 0); votes[len(votes)-1] < 5 {
			t.Errorf("%d asked for the views %v, expected one after the other", id, votes)
		}
	}
}

// The same when nobody had prepared "one": view 2 begins.
func TestNothingIsArguedFor(t *testing.T) {
	c := leftInViewOne(t)
	if count := newViews(c); count != 6 {
		t.Errorf("%d NewViews were sent, expected those of views 1 and 2", count)
	}
}

// Item 44: 3 and 4 were leaving view 1, which nobody had entered, when they were started again. 2, which is still in view 0,
// asks them for their state at its timeout, and is in view 1 from then on.
func TestLeftViewIsClaimed(t *testing.T) {
	left := []*smartbftprotos.SavedMessage{{Content: &smartbftprotos.SavedMessage_ViewChange{
		ViewChange: &smartbftprotos.ViewChange{NextView: 1},
	}}}
	c := newRestarted(t, four, []uint64{2, 3, 4}, map[uint64][]*smartbftprotos.SavedMessage{3: left, 4: left})
	c.dropping(func(message sent) bool {
		return message.message.GetViewChange() != nil || message.message.GetViewData() != nil
	})
	c.nodes[2].Complain(0, true)
	c.pass(25)
	mark := c.mark()
	c.post(1, 2, &smartbftprotos.Message{Content: &smartbftprotos.Message_HeartBeat{HeartBeat: &smartbftprotos.HeartBeat{Seq: 1}}})
	c.rest()
	answers, _ := c.from(2, mark)
	if len(answers) != 1 || answers[0].message.GetHeartBeatResponse().GetView() != 1 {
		t.Errorf("2 answered a heartbeat of view 0 with %v, expected that it is in view 1", answers)
	}
	if count := newViews(c); count != 0 {
		t.Errorf("%d NewViews were sent, expected none", count)
	}
}
