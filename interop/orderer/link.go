package orderer

import (
	"context"
	"sync"

	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"

	"strconv"

	"testbed/interop/host"
)

// link is one ordered pair of orderers, seen from its source: a channel, and on it one Step stream. It does what Fabric's
// does (fabric-wire.md section 7.3): a stream is opened by the first send that finds none; on an idle channel that send
// waits for the connection, in any other state but ready sends are refused at once. A send is complete when the stream's
// bounded buffer has it. When the buffer is full a forwarded request is dropped, and a consensus message cancels the
// stream with all it holds.
type link struct {
	channel    *channel
	settings   host.Transport
	sequential bool
	self       uint64

	lock    sync.Mutex
	stream  *outbound
	opening chan struct{}
	// queued are the messages that wait for the stream being opened, in a parallel broadcast.
	queued  []queuedStep
	dropped int
}

type queuedStep struct {
	step *ab.ClusterNodeServiceStepRequest
	done func(reason string)
}

type outbound struct {
	buffer chan *ab.ClusterNodeServiceStepRequest
	cancel context.CancelFunc
}

func newLink(self uint64, target host.Consenter, parts transportParts) (*link, error) {
	channel, err := openChannel(target, "cluster", parts)
	if err != nil {
		return nil, err
	}
	return &link{channel: channel, settings: parts.settings, sequential: parts.settings.Broadcast == "sequential", self: self}, nil
}

// send calls done once, with why the message was dropped, or with nothing. It blocks while a connection is being made
// where broadcasts are sequential, as the library's callers do in Fabric.
func (l *link) send(step *ab.ClusterNodeServiceStepRequest, done func(reason string)) {
	l.lock.Lock()
	if l.stream != nil {
		reason := l.write(step)
		l.lock.Unlock()
		done(reason)
		return
	}
	if l.opening != nil {
		l.sendWhileOpening(step, done)
		return
	}
	switch state := l.channel.GetState(); {
	case state == connectivity.Ready:
		l.openStream()
		reason := l.write(step)
		l.lock.Unlock()
		done(reason)
	case state != connectivity.Idle:
		reason := l.drop("channel is " + stateNames[state])
		l.lock.Unlock()
		done(reason)
	default:
		opening := make(chan struct{})
		l.opening = opening
		l.queued = append(l.queued, queuedStep{step, done})
		l.lock.Unlock()
		go l.open(opening)
		if l.sequential {
			<-opening
		}
	}
}

// sendWhileOpening is called with the lock held, and lets go of it.
func (l *link) sendWhileOpening(step *ab.ClusterNodeServiceStepRequest, done func(reason string)) {
	reason := ""
	switch {
	case l.sequential:
		reason = l.drop("channel is connecting")
	case len(l.queued) > l.settings.SendBufferMessages:
		reason = l.drop("send queue overflown")
	default:
		l.queued = append(l.queued, queuedStep{step, done})
		l.lock.Unlock()
		return
	}
	l.lock.Unlock()
	done(reason)
}

func (l *link) open(opening chan struct{}) {
	state := l.channel.settled(l.settings.ConnectTimeout.Duration())
	if state == connectivity.Connecting {
		l.channel.tell("send-timeout", "no connection within connectTimeout")
	}
	l.lock.Lock()
	if state == connectivity.Ready {
		l.openStream()
	}
	queued := l.queued
	l.queued, l.opening = nil, nil
	reasons := make([]string, len(queued))
	for index, each := range queued {
		if l.stream != nil {
			reasons[index] = l.write(each.step)
		} else if state != connectivity.Ready {
			reasons[index] = l.drop("channel is " + stateNames[state])
		} else {
			reasons[index] = l.drop("stream closed")
		}
	}
	l.lock.Unlock()
	for index, each := range queued {
		each.done(reasons[index])
	}
	close(opening)
}

// openStream is called with the lock held and the channel ready.
func (l *link) openStream() {
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(context.Background(), "sender", strconv.FormatUint(l.self, 10)))
	stream := &outbound{make(chan *ab.ClusterNodeServiceStepRequest, l.settings.SendBufferMessages), cancel}
	l.stream = stream
	detail := ""
	if l.dropped > 0 {
		detail = strconv.Itoa(l.dropped) + " messages dropped before"
	}
	l.dropped = 0
	l.channel.tell("opened", detail)
	go l.run(ctx, stream)
}

func (l *link) run(ctx context.Context, stream *outbound) {
	client, err := ab.NewClusterNodeServiceClient(l.channel).Step(ctx)
	if err != nil {
		l.closed(stream, err.Error())
		return
	}
	go func() {
		// The server never answers on this stream; reading is what makes its end visible.
		for {
			if _, err := client.Recv(); err != nil {
				l.closed(stream, endOf(err))
				return
			}
		}
	}()
	for {
		select {
		case step := <-stream.buffer:
			if err := client.Send(step); err != nil {
				return // the reader says why
			}
		case <-ctx.Done():
			return
		}
	}
}

func (l *link) closed(stream *outbound, detail string) {
	stream.cancel()
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.stream != stream {
		return
	}
	l.stream = nil
	l.channel.tell("closed", detail)
}

// write is called with the lock held.
func (l *link) write(step *ab.ClusterNodeServiceStepRequest) string {
	select {
	case l.stream.buffer <- step:
		return ""
	default:
	}
	if step.GetNodeConrequest() != nil {
		l.stream.cancel()
		l.stream = nil
		l.channel.tell("closed", "send queue overflown")
	}
	return l.drop("send queue overflown")
}

// drop tells the first message lost; the number of all stands in the next `opened`. Called with the lock held.
func (l *link) drop(reason string) string {
	if l.dropped == 0 {
		l.channel.tell("dropped", reason)
	}
	l.dropped++
	return reason
}

func (l *link) close() {
	l.lock.Lock()
	if l.stream != nil {
		l.stream.cancel()
		l.stream = nil
	}
	l.lock.Unlock()
	l.channel.close()
}
