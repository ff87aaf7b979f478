package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sockets sets and reads back TCP_USER_TIMEOUT on every connection and tells the life of each, as src/node/sockets.ts does.
// grpc-go sees connections through it, and so does not set an option of its own: it takes the keepalive timeout.
type Sockets struct {
	settings Transport
	log      *Log
}

// NewSockets watches what is dialled and listened for through it.
func NewSockets(settings Transport, log *Log) *Sockets { return &Sockets{settings, log} }

// Dial connects within the connect timeout; grpc-go's dialer.
func (s *Sockets) Dial(ctx context.Context, target string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: s.settings.ConnectTimeout.Duration(), KeepAlive: -1}
	raw, err := dialer.DialContext(ctx, "tcp4", target)
	if err != nil {
		code := codeOf(err)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			code = "ECONNECTTIMEOUT"
		}
		s.tell("", target, "error", code)
		return nil, err
	}
	return s.watch(raw)
}

// Listen serves the address through watched connections.
func (s *Sockets) Listen(address string, port int) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	inner, err := config.Listen(context.Background(), "tcp4", fmt.Sprintf("%s:%d", address, port))
	if err != nil {
		return nil, err
	}
	return &watchedListener{inner, s}, nil
}

type watchedListener struct {
	net.Listener
	sockets *Sockets
}

func (l *watchedListener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.sockets.watch(raw)
}

type watched struct {
	net.Conn
	sockets *Sockets

	lock   sync.Mutex
	fin    bool
	ending string
	closed bool
}

func (s *Sockets) watch(raw net.Conn) (net.Conn, error) {
	connection := &watched{Conn: raw, sockets: s}
	timeoutMs, err := s.limitUnacknowledged(raw)
	if err != nil {
		raw.Close()
		return nil, err
	}
	connection.tell("connected", fmt.Sprintf("TCP_USER_TIMEOUT %d ms", timeoutMs))
	return connection, nil
}

// limitUnacknowledged sets the option unless it is to be the kernel's own, and answers what the kernel then says.
func (s *Sockets) limitUnacknowledged(raw net.Conn) (int, error) {
	control, err := raw.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	wantedMs := int(s.settings.TCPUserTimeout / 1000)
	var value int
	var failure error
	err = control.Control(func(descriptor uintptr) {
		if wantedMs > 0 {
			failure = unix.SetsockoptInt(int(descriptor), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, wantedMs)
		}
		if failure == nil {
			value, failure = unix.GetsockoptInt(int(descriptor), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
		}
	})
	return value, errors.Join(err, failure)
}

// Read tells a FIN, once, and what else ends the connection.
func (w *watched) Read(into []byte) (int, error) {
	count, err := w.Conn.Read(into)
	if err != nil {
		w.ended(err)
	}
	return count, err
}

func (w *watched) Write(bytes []byte) (int, error) {
	count, err := w.Conn.Write(bytes)
	if err != nil {
		w.ended(err)
	}
	return count, err
}

func (w *watched) Close() error {
	err := w.Conn.Close()
	w.lock.Lock()
	told, ending := w.closed, w.ending
	w.closed = true
	w.lock.Unlock()
	if !told {
		w.tell("closed", ending)
	}
	return err
}

func (w *watched) ended(err error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.closed || w.fin || w.ending != "" || errors.Is(err, net.ErrClosed) {
		return
	}
	if errors.Is(err, io.EOF) {
		w.fin = true
		w.tell("fin", "")
		return
	}
	w.ending = codeOf(err)
	w.tell("error", w.ending)
}

func (w *watched) tell(state, detail string) {
	w.sockets.tell(w.LocalAddr().String(), w.RemoteAddr().String(), state, detail)
}

func (s *Sockets) tell(local, remote, state, detail string) {
	s.log.Emit("socket", F("local", local), F("remote", remote), F("state", state), F("detail", detail))
}

// codeOf is the errno's name, or the error's text where there is none.
func codeOf(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		if name := unix.ErrnoName(number); name != "" {
			return name
		}
	}
	return err.Error()
}
