package orderer

import (
	"errors"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"testbed/interop/fabric"
	"testbed/interop/host"
)

// service is AtomicBroadcast, as Fabric has it (fabric-wire.md section 5).
type service struct {
	ab.UnimplementedAtomicBroadcastServer
	channel string
	members fabric.Members
	ledger  *host.Ledger
	log     *host.Log
	// submit puts a request into the pool; it may wait for room there.
	submit func(request []byte) error
}

// Broadcast gives one answer for each envelope, in order; an answer other than 200 ends the stream with gRPC OK.
func (s *service) Broadcast(stream ab.AtomicBroadcast_BroadcastServer) error {
	ended := tellInbound(s.log, peerOf(stream), "broadcast")
	for {
		envelope, err := stream.Recv()
		if err != nil {
			ended(err)
			return nil
		}
		response := s.order(envelope)
		if err := stream.Send(response); err != nil {
			ended(err)
			return nil
		}
		if response.Status != common.Status_SUCCESS {
			ended(nil)
			return nil
		}
	}
}

func (s *service) order(envelope *common.Envelope) *ab.BroadcastResponse {
	request, err := proto.Marshal(envelope)
	if err == nil {
		_, err = s.members.Examine(request)
	}
	var bad *fabric.BadEnvelope
	switch {
	case errors.As(err, &bad):
		return &ab.BroadcastResponse{Status: bad.Status, Info: bad.Reason}
	case err != nil:
		return &ab.BroadcastResponse{Status: common.Status_BAD_REQUEST, Info: err.Error()}
	}
	if err := s.submit(request); err != nil {
		return &ab.BroadcastResponse{Status: common.Status_SERVICE_UNAVAILABLE, Info: "failed to submit request: " + refusalOf(err)}
	}
	return &ab.BroadcastResponse{Status: common.Status_SUCCESS}
}

// refusalOf says it in the words of src/smartbft: gateways and checks compare the text.
func refusalOf(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "acquiring semaphore"), strings.Contains(text, "timeout submitting"):
		return "pool full"
	case strings.Contains(text, "bigger than request max bytes"):
		return "request too large"
	case strings.Contains(text, "pool closed"):
		return "no leader"
	}
	return text
}

func peerOf(stream grpc.ServerStream) string {
	if from, known := peer.FromContext(stream.Context()); known {
		return from.Addr.String()
	}
	return "unknown"
}
