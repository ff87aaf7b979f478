package orderer

import (
	"context"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"testbed/interop/host"
)

// messageSizeMax is Fabric's limit, both ways (fabric-wire.md section 7.3); gRPC's own is 4 MiB.
const messageSizeMax = 100 << 20

// channel is one gRPC channel to one node, whose states are told as events. Every default that decides something is
// written out; what grpc-go does not let us choose stands in docs/interop.md.
type channel struct {
	*grpc.ClientConn
	target  host.Consenter
	service string
	log     *host.Log
	stop    context.CancelFunc
}

func openChannel(target host.Consenter, service string, parts transportParts) (*channel, error) {
	settings := parts.settings
	connection, err := grpc.NewClient("passthrough:///"+target.Target(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return parts.sockets.Dial(ctx, address) }),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: settings.KeepaliveTime.Duration(), Timeout: settings.KeepaliveTimeout.Duration(), PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: settings.ReconnectBackoffBase.Duration(), Multiplier: 1.6, Jitter: 0.2,
				MaxDelay: settings.ReconnectBackoffMax.Duration(),
			},
			MinConnectTimeout: settings.ConnectTimeout.Duration(),
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageSizeMax), grpc.MaxCallSendMsgSize(messageSizeMax)),
		// A channel that nobody uses must notice its death too.
		grpc.WithIdleTimeout(0),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithNoProxy(),
	)
	if err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(context.Background())
	c := &channel{connection, target, service, parts.log, stop}
	go c.watch(watching)
	return c, nil
}

func (c *channel) watch(ctx context.Context) {
	state := c.GetState()
	for c.WaitForStateChange(ctx, state) {
		state = c.GetState()
		if name := stateNames[state]; name != "" {
			c.tell(name, "")
		}
	}
}

// settled is the state in which a connection attempt ended, or Connecting when it has not within the timeout.
func (c *channel) settled(timeout time.Duration) connectivity.State {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for {
		state := c.GetState()
		if state != connectivity.Idle && state != connectivity.Connecting {
			return state
		}
		c.Connect()
		if !c.WaitForStateChange(ctx, state) {
			return connectivity.Connecting
		}
	}
}

func (c *channel) tell(state, detail string) {
	c.log.Emit("stream", host.F("peer", c.target.Name), host.F("service", c.service), host.F("state", state), host.F("detail", detail))
}

func (c *channel) close() {
	c.stop()
	c.Close()
}

var stateNames = map[connectivity.State]string{
	connectivity.Idle:             "idle",
	connectivity.Connecting:       "connecting",
	connectivity.Ready:            "ready",
	connectivity.TransientFailure: "transient-failure",
}

// transportParts are what every connection is made with.
type transportParts struct {
	settings host.Transport
	sockets  *host.Sockets
	log      *host.Log
}
