package orderer

import (
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/hyperledger-labs/SmartBFT/smartbftprotos"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"testbed/interop/host"
)

// taker is what the cluster hands messages to: the library.
type taker interface {
	HandleMessage(sender uint64, message *smartbftprotos.Message)
	HandleRequest(sender uint64, request []byte)
}

// cluster is an orderer's place among the others: a link to each for what the library sends, and the server side of their
// Step streams. The sender is named in the stream's metadata, as under src/node.
type cluster struct {
	ab.UnimplementedClusterNodeServiceServer
	config *host.Config
	log    *host.Log
	names  map[uint64]string
	links  map[uint64]*link
	// started is closed when the library takes messages.
	started <-chan struct{}
	replica taker

	// A broadcast hands the same message to one target after another: framed once.
	lock   sync.Mutex
	last   *smartbftprotos.Message
	framed *ab.ClusterNodeServiceStepRequest
}

func newCluster(config *host.Config, parts transportParts, started <-chan struct{}) (*cluster, error) {
	c := &cluster{config: config, log: parts.log, names: map[uint64]string{}, links: map[uint64]*link{}, started: started}
	for _, consenter := range config.Consenters {
		c.names[consenter.ID] = consenter.Name
		if consenter.ID == config.ID {
			continue
		}
		made, err := newLink(config.ID, consenter, parts)
		if err != nil {
			return nil, err
		}
		c.links[consenter.ID] = made
	}
	return c, nil
}

// SendConsensus is the library's.
func (c *cluster) SendConsensus(target uint64, message *smartbftprotos.Message) {
	to := c.links[target]
	if to == nil {
		return
	}
	to.send(c.frame(message), func(reason string) { c.tellSent(target, message, reason) })
}

// SendTransaction forwards a request to the leader.
func (c *cluster) SendTransaction(target uint64, request []byte) {
	envelope := &common.Envelope{}
	to := c.links[target]
	if to == nil || proto.Unmarshal(request, envelope) != nil {
		return
	}
	step := &ab.ClusterNodeServiceStepRequest{Payload: &ab.ClusterNodeServiceStepRequest_NodeTranrequest{
		NodeTranrequest: &ab.NodeTransactionOrderRequest{Payload: envelope},
	}}
	to.send(step, func(string) {})
}

// Nodes is the library's.
func (c *cluster) Nodes() []uint64 { return c.config.Nodes() }

func (c *cluster) frame(message *smartbftprotos.Message) *ab.ClusterNodeServiceStepRequest {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.last != message {
		encoded, err := proto.Marshal(message)
		if err != nil {
			panic("Encode a message of the library: " + err.Error())
		}
		c.last = message
		c.framed = &ab.ClusterNodeServiceStepRequest{Payload: &ab.ClusterNodeServiceStepRequest_NodeConrequest{
			NodeConrequest: &ab.NodeConsensusRequest{Payload: encoded},
		}}
	}
	return c.framed
}

// Step serves another orderer's stream to its end.
func (c *cluster) Step(stream ab.ClusterNodeService_StepServer) error {
	from, known := c.senderOf(stream)
	if !known {
		return status.Error(codes.Unauthenticated, "access denied")
	}
	inbound := tellInbound(c.log, c.names[from], "cluster")
	<-c.started
	for {
		step, err := stream.Recv()
		if err != nil {
			inbound(err)
			return nil
		}
		c.take(from, step)
	}
}

func (c *cluster) take(from uint64, step *ab.ClusterNodeServiceStepRequest) {
	if request := step.GetNodeConrequest(); request != nil {
		message := &smartbftprotos.Message{}
		if err := proto.Unmarshal(request.Payload, message); err != nil || message.Content == nil {
			c.tellRejected(from, "no message of the protocol")
			return
		}
		c.tellReceived(from, message)
		c.replica.HandleMessage(from, message)
		return
	}
	request := step.GetNodeTranrequest()
	if request == nil {
		c.tellRejected(from, "step of unknown kind")
		return
	}
	envelope, err := proto.Marshal(request.GetPayload())
	if err == nil {
		c.replica.HandleRequest(from, envelope)
	}
}

func (c *cluster) senderOf(stream ab.ClusterNodeService_StepServer) (uint64, bool) {
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	named := incoming.Get("sender")
	if len(named) == 0 {
		return 0, false
	}
	id, err := strconv.ParseUint(named[0], 10, 64)
	if err != nil || c.links[id] == nil {
		return 0, false
	}
	return id, true
}

func (c *cluster) close() {
	for _, each := range c.links {
		each.close()
	}
}

// tellInbound tells that a stream was opened by another; the answer tells its end.
func tellInbound(log *host.Log, peer, service string) func(err error) {
	tell := func(state, detail string) {
		log.Emit("stream", host.F("peer", peer), host.F("service", service), host.F("state", state), host.F("detail", detail))
	}
	tell("opened", "inbound")
	return func(err error) {
		switch {
		case err == nil || errors.Is(err, io.EOF):
			tell("closed", "inbound")
		case status.Code(err) == codes.Canceled:
			tell("closed", "inbound, cancelled")
		default:
			tell("closed", "inbound, "+err.Error())
		}
	}
}

func endOf(err error) string {
	if errors.Is(err, io.EOF) {
		return "ended by the server"
	}
	return err.Error()
}
