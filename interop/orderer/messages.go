package orderer

import (
	"github.com/hyperledger-labs/SmartBFT/smartbftprotos"
	"google.golang.org/protobuf/proto"

	"testbed/interop/host"
)

// Message events: what came in is told when it is handed to the library, without a decision, which the library does not
// tell; what went out when its stream has it, or with why it was dropped.

func (c *cluster) tellReceived(from uint64, message *smartbftprotos.Message) {
	if c.config.MessageTrace {
		c.log.Emit("message", append([]host.Fact{host.F("direction", "in"), host.F("other", c.names[from])}, outline(message)...)...)
	}
}

func (c *cluster) tellSent(target uint64, message *smartbftprotos.Message, reason string) {
	if !c.config.MessageTrace {
		return
	}
	facts := append([]host.Fact{host.F("direction", "out"), host.F("other", c.names[target])}, outline(message)...)
	if reason != "" {
		facts = append(facts, host.F("decision", "dropped: "+reason))
	}
	c.log.Emit("message", facts...)
}

func (c *cluster) tellRejected(from uint64, reason string) {
	c.log.Emit("message", host.F("direction", "in"), host.F("other", c.names[from]), host.F("type", "unknown"),
		host.F("decision", "rejected: "+reason), host.F("effects", []string{}))
}

// outline is type, view, sequence, digest and assist of a message, as far as it has them.
func outline(message *smartbftprotos.Message) []host.Fact {
	facts := func(kind string, more ...host.Fact) []host.Fact {
		return append([]host.Fact{host.F("type", kind)}, more...)
	}
	view := func(value uint64) host.Fact { return host.F("view", value) }
	sequence := func(value uint64) host.Fact { return host.F("sequence", value) }
	switch content := message.Content.(type) {
	case *smartbftprotos.Message_PrePrepare:
		return facts("PrePrepare", view(content.PrePrepare.View), sequence(content.PrePrepare.Seq))
	case *smartbftprotos.Message_Prepare:
		return assisting(content.Prepare.Assist, facts("Prepare", view(content.Prepare.View), sequence(content.Prepare.Seq), digest(content.Prepare.Digest)))
	case *smartbftprotos.Message_Commit:
		return assisting(content.Commit.Assist, facts("Commit", view(content.Commit.View), sequence(content.Commit.Seq), digest(content.Commit.Digest)))
	case *smartbftprotos.Message_ViewChange:
		return facts("ViewChange", view(content.ViewChange.NextView))
	case *smartbftprotos.Message_ViewData:
		return facts("ViewData", nextView(content.ViewData)...)
	case *smartbftprotos.Message_NewView:
		if signed := content.NewView.SignedViewData; len(signed) > 0 {
			return facts("NewView", nextView(signed[0])...)
		}
		return facts("NewView")
	case *smartbftprotos.Message_HeartBeat:
		return facts("HeartBeat", view(content.HeartBeat.View), sequence(content.HeartBeat.Seq))
	case *smartbftprotos.Message_HeartBeatResponse:
		return facts("HeartBeatResponse", view(content.HeartBeatResponse.View))
	case *smartbftprotos.Message_StateTransferRequest:
		return facts("StateTransferRequest")
	case *smartbftprotos.Message_StateTransferResponse:
		return facts("StateTransferResponse", view(content.StateTransferResponse.ViewNum), sequence(content.StateTransferResponse.Sequence))
	}
	return facts("unknown")
}

// digest is what a vote is for, the first 16 hexadecimal characters.
func digest(whole string) host.Fact { return host.F("digest", whole[:min(len(whole), 16)]) }

func assisting(assist bool, facts []host.Fact) []host.Fact {
	if assist {
		return append(facts, host.F("assist", true))
	}
	return facts
}

func nextView(signed *smartbftprotos.SignedViewData) []host.Fact {
	data := &smartbftprotos.ViewData{}
	if proto.Unmarshal(signed.GetRawViewData(), data) != nil {
		return nil
	}
	return []host.Fact{host.F("view", data.NextView)}
}
