package library

import (
	"testing"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger-labs/SmartBFT/smartbftprotos"
	"google.golang.org/protobuf/proto"
)

// viewDataOf is what an honest member has sent to the leader of view 1.
func viewDataOf(c *cluster, id uint64) *smartbftprotos.SignedViewData {
	var found *smartbftprotos.SignedViewData
	c.until("ViewData", func() bool {
		messages, _ := c.from(id, 0)
		for _, each := range messages {
			if data := each.message.GetViewData(); data != nil {
				found = data
			}
		}
		return found != nil
	})
	return found
}

// ownViewData is signed by 2: it prepared the proposal, or knows of none.
func ownViewData(t *testing.T, inFlight *smartbftprotos.Proposal) *smartbftprotos.SignedViewData {
	raw, err := proto.Marshal(&smartbftprotos.ViewData{
		NextView: 1, LastDecision: &smartbftprotos.Proposal{},
		InFlightProposal: inFlight, InFlightPrepared: inFlight != nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &smartbftprotos.SignedViewData{RawViewData: raw, Signer: 2, Signature: []byte{1}}
}

func newView(entries ...*smartbftprotos.SignedViewData) *smartbftprotos.Message {
	return &smartbftprotos.Message{Content: &smartbftprotos.Message_NewView{
		NewView: &smartbftprotos.NewView{SignedViewData: entries},
	}}
}

// vote is a Prepare or, signed, a Commit of 2.
func vote(view uint64, digest string, isCommit bool) *smartbftprotos.Message {
	if !isCommit {
		return &smartbftprotos.Message{Content: &smartbftprotos.Message_Prepare{
			Prepare: &smartbftprotos.Prepare{View: view, Seq: 1, Digest: digest},
		}}
	}
	return &smartbftprotos.Message{Content: &smartbftprotos.Message_Commit{Commit: &smartbftprotos.Commit{
		View: view, Seq: 1, Digest: digest, Signature: &smartbftprotos.Signature{Signer: 2, Value: []byte{1}},
	}}}
}

// Item 42: member 2 is Byzantine and leads view 1; nobody else is. 1 has prepared "one" and signed a Commit, which the network
// holds back; 4 has seen "one", 3 nothing. 2 makes two NewViews of true ViewData and its own, which it signs twice: to 3 "one
// may be decided", to 1 and 4 "nothing is in flight". 3 decides "one" with the Commits of 1 (of view 0), 2 and itself; 1 and 4
// decide "other" in view 1 with 2.
func TestTwoNewViews(t *testing.T) {
	c := newCluster(t, four, []uint64{1, 3, 4})
	var late []sent
	c.dropping(func(message sent) bool {
		if message.to != 3 || message.from != 1 {
			return false
		}
		if message.message.GetCommit() != nil {
			late = append(late, message)
		}
		return message.message.GetViewChange() == nil
	})
	if err := c.nodes[1].SubmitRequest([]byte("one")); err != nil {
		t.Fatal(err)
	}
	var one *smartbftprotos.Proposal
	c.until("Prepare of 4", func() bool { return c.hasPrepared(4, 0) })
	messages, _ := c.from(1, 0)
	for _, each := range messages {
		if prePrepare := each.message.GetPrePrepare(); prePrepare != nil {
			one = prePrepare.Proposal
		}
	}
	digest := types.Proposal{Payload: one.Payload, Metadata: one.Metadata}.Digest()
	c.post(2, 1, vote(0, digest, false))
	c.until("Commit of 1", func() bool { return c.committed(1) })
	complain(c)
	of1, of3, of4 := viewDataOf(c, 1), viewDataOf(c, 3), viewDataOf(c, 4)

	c.post(2, 3, newView(ownViewData(t, one), of1, of3))
	for _, id := range []uint64{1, 4} {
		c.post(2, id, newView(ownViewData(t, nil), of3, of4))
	}
	c.pass(3)
	for _, each := range late {
		c.nodes[3].inbox <- each
	}
	c.post(2, 3, vote(0, digest, true))
	c.until("decision of 3", func() bool { return c.nodes[3].delivered() == 1 })

	metadata, err := proto.Marshal(&smartbftprotos.ViewMetadata{ViewId: 1, LatestSequence: 1})
	if err != nil {
		t.Fatal(err)
	}
	other := types.Proposal{Payload: []byte("other"), Metadata: metadata}
	prePrepare := &smartbftprotos.Message{Content: &smartbftprotos.Message_PrePrepare{PrePrepare: &smartbftprotos.PrePrepare{
		View: 1, Seq: 1, Proposal: &smartbftprotos.Proposal{Payload: other.Payload, Metadata: other.Metadata},
	}}}
	for _, id := range []uint64{1, 4} {
		c.post(2, id, prePrepare)
		c.post(2, id, vote(1, other.Digest(), false))
		c.post(2, id, vote(1, other.Digest(), true))
	}
	for id, payload := range map[uint64]string{1: "other", 3: "one", 4: "other"} {
		c.until("decision", func() bool { return c.nodes[id].delivered() == 1 })
		if decided := string(c.nodes[id].decisions[0].Proposal.Payload); decided != payload {
			t.Errorf("%d decided %q, expected %q", id, decided, payload)
		}
	}
}
