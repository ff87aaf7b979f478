package host

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	linesPerWriteMax = 2000
	requestSizeMax   = 1 << 20
	// A reader that has stopped would keep a node from ending; what the kernel has taken it still gets.
	farewell = time.Second
)

// Answer carries a request out; its error becomes the answer's.
type Answer func(verb string) ([]Fact, error)

// Control is the node's side of its control socket (src/node/control.ts): a unix socket that only its owner may open.
// Requests are answered in order, one JSON object a line; events go out on the oldest connection as {"event":…,"n":…}.
type Control struct {
	log      *Log
	answer   Answer
	listener net.Listener

	lock        sync.Mutex
	wake        *sync.Cond
	connections []*connection
	closing     bool
	idle        bool
}

type connection struct {
	net.Conn
	writing sync.Mutex
	cursor  int
}

// ListenControl listens on path, replacing what a dead predecessor left there. Caller closes.
func ListenControl(path string, log *Log, answer Answer) (*Control, error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	// The mask makes the socket 0600 from its first instant.
	mask := unix.Umask(0o177)
	listener, err := net.Listen("unix", path)
	unix.Umask(mask)
	if err != nil {
		return nil, fmt.Errorf("Listen on the control socket: %w", err)
	}
	c := &Control{log: log, answer: answer, listener: listener}
	c.wake = sync.NewCond(&c.lock)
	log.onAppend(c.signal)
	go c.accept()
	go c.pump()
	return c, nil
}

// Close writes out what is left, as far as somebody reads, then closes.
func (c *Control) Close() {
	c.listener.Close()
	deadline := time.Now().Add(farewell)
	c.lock.Lock()
	c.closing = true
	for _, each := range c.connections {
		each.SetWriteDeadline(deadline)
	}
	c.wake.Broadcast()
	for !c.idle && len(c.connections) > 0 {
		c.wake.Wait()
	}
	connections := c.connections
	c.lock.Unlock()
	for _, each := range connections {
		each.Close()
	}
}

func (c *Control) signal() {
	c.lock.Lock()
	c.wake.Broadcast()
	c.lock.Unlock()
}

func (c *Control) accept() {
	for {
		accepted, err := c.listener.Accept()
		if err != nil {
			return // closed
		}
		each := &connection{Conn: accepted, cursor: -1}
		c.lock.Lock()
		c.connections = append(c.connections, each)
		c.wake.Broadcast()
		c.lock.Unlock()
		go c.serve(each)
	}
}

// pump writes events to the oldest connection, which is told everything that can still be read.
func (c *Control) pump() {
	for {
		reader := c.next()
		if reader == nil {
			return
		}
		text, next := c.log.read(reader.cursor, linesPerWriteMax)
		reader.writing.Lock()
		_, err := reader.Write(text)
		reader.writing.Unlock()
		if err != nil {
			c.forget(reader)
			continue
		}
		reader.cursor = next
		c.log.release(next)
	}
}

// next waits until somebody reads and there is something to read; nil when all was written and the node ends.
func (c *Control) next() *connection {
	c.lock.Lock()
	defer c.lock.Unlock()
	for {
		if len(c.connections) > 0 {
			reader := c.connections[0]
			if reader.cursor < 0 {
				reader.cursor = c.log.oldest()
			}
			if _, next := c.log.read(reader.cursor, 1); next > reader.cursor {
				return reader
			}
		}
		if c.closing {
			c.idle = true
			c.wake.Broadcast()
			return nil
		}
		c.wake.Wait()
	}
}

func (c *Control) forget(gone *connection) {
	gone.Close()
	c.lock.Lock()
	defer c.lock.Unlock()
	for index, each := range c.connections {
		if each == gone {
			c.connections = append(c.connections[:index:index], c.connections[index+1:]...)
			break
		}
	}
	c.wake.Broadcast()
}

func (c *Control) serve(each *connection) {
	defer c.forget(each)
	lines := bufio.NewScanner(each)
	lines.Buffer(make([]byte, 0, 4096), requestSizeMax)
	for lines.Scan() {
		line := append(appendObject(nil, c.answerTo(lines.Bytes())), '\n')
		each.writing.Lock()
		_, err := each.Write(line)
		each.writing.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *Control) answerTo(line []byte) []Fact {
	var request struct {
		ID *int64  `json:"id"`
		Do *string `json:"do"`
	}
	if err := json.Unmarshal(line, &request); err != nil || request.ID == nil || request.Do == nil {
		return refusal(0, "Expected a JSON object with a number `id` and a text `do`")
	}
	facts, err := c.answer(*request.Do)
	if err != nil {
		return refusal(*request.ID, err.Error())
	}
	return []Fact{F("id", *request.ID), F("good", true), F("facts", facts)}
}

func refusal(id int64, text string) []Fact {
	return []Fact{F("id", id), F("good", false), F("error", text)}
}
