package host

import "sync"

const (
	// backlogBytesMax is text waiting for a reader. At 5000 events/s of 200 bytes it holds a minute without one.
	backlogBytesMax = 64 << 20
	// resumeBytes are kept after they were written, for a reader that reconnects.
	resumeBytes = 1 << 20
)

// Log is what a node says about itself: stamped, numbered, kept as lines until the control socket has written them. When it
// is full the newest events are counted instead of kept, and a `log` event says how many, as in src/node/events.ts.
type Log struct {
	node string

	lock    sync.Mutex
	lines   [][]byte
	first   int // number of lines[0]
	size    int
	lost    int
	changed func()
}

// NewLog is empty; node is the name that its events bear.
func NewLog(node string) *Log { return &Log{node: node, changed: func() {}} }

// Emit tells an event that is true now.
func (l *Log) Emit(kind string, facts ...Fact) { l.EmitAt(Now(), kind, facts...) }

// EmitAt tells an event of an earlier instant.
func (l *Log) EmitAt(at int64, kind string, facts ...Fact) {
	l.lock.Lock()
	if l.size >= backlogBytesMax || (l.lost > 0 && l.size > backlogBytesMax/2) {
		l.lost++
		l.lock.Unlock()
		return
	}
	if l.lost > 0 {
		text := "events lost: " + string(appendValue(nil, l.lost))
		l.lost = 0
		l.append(Now(), "log", []Fact{F("process", "control"), F("text", text)})
	}
	l.append(at, kind, facts)
	changed := l.changed
	l.lock.Unlock()
	changed()
}

// append is called with the lock held.
func (l *Log) append(at int64, kind string, facts []Fact) {
	event := append([]Fact{F("at", at), F("node", l.node), F("kind", kind)}, facts...)
	line := appendObject(make([]byte, 0, 256), []Fact{F("event", event), F("n", l.first+len(l.lines))})
	line = append(line, '\n')
	l.lines = append(l.lines, line)
	l.size += len(line)
}

// onAppend is called after every event, from the goroutine that told it.
func (l *Log) onAppend(changed func()) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.changed = changed
}

// oldest is the number of the first line that can still be read.
func (l *Log) oldest() int {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.first
}

// read joins at most countMax lines from number from on, and says which comes next.
func (l *Log) read(from, countMax int) (text []byte, next int) {
	l.lock.Lock()
	defer l.lock.Unlock()
	start := min(max(from-l.first, 0), len(l.lines))
	end := min(start+countMax, len(l.lines))
	for _, line := range l.lines[start:end] {
		text = append(text, line...)
	}
	return text, l.first + end
}

// release lets lines before number go, all but the last MiB of them: they were written.
func (l *Log) release(number int) {
	l.lock.Lock()
	defer l.lock.Unlock()
	count := 0
	for l.first+count < number && l.size > resumeBytes {
		l.size -= len(l.lines[count])
		l.lines[count] = nil
		count++
	}
	l.lines = l.lines[count:]
	l.first += count
}
