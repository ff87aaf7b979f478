package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	prefixSize   = 8
	checkSize    = 4
	blockSizeMax = 100 << 20
	// cachedCountMax newest blocks stay in memory: followers and peers ask for them within milliseconds.
	cachedCountMax = 64
)

type place struct {
	position int64
	size     int
}

// Ledger is blocks on disk, byte for byte as src/node/ledger.ts has them: one file that only grows, each block behind its
// size and the first four bytes of its SHA-256. A node may so go on with the other implementation's folder.
type Ledger struct {
	file *os.File

	lock    sync.Mutex
	places  []place
	size    int64
	cached  map[int][]byte
	changed chan struct{}
}

// OpenLedger cuts a torn tail off. Caller closes.
func OpenLedger(folder string) (*Ledger, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(folder, "blocks"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &Ledger{file: file, cached: make(map[int][]byte), changed: make(chan struct{})}
	if err := l.scan(); err != nil {
		file.Close()
		return nil, fmt.Errorf("Open the ledger in %q: %w", folder, err)
	}
	return l, syncFolder(folder)
}

// Height is the number of durable blocks: the next one has this number.
func (l *Ledger) Height() uint64 {
	l.lock.Lock()
	defer l.lock.Unlock()
	return uint64(len(l.places))
}

// Append returns when the block is durable. One caller at a time.
func (l *Ledger) Append(block []byte) error {
	record := append(prefixOf(block), block...)
	if _, err := l.file.WriteAt(record, l.size); err != nil {
		return err
	}
	if err := unix.Fdatasync(int(l.file.Fd())); err != nil {
		return err
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	number := len(l.places)
	l.places = append(l.places, place{l.size + prefixSize, len(block)})
	l.size += int64(len(record))
	l.cached[number] = block
	delete(l.cached, number-cachedCountMax)
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

// Read gives a durable block; the number must be below the height.
func (l *Ledger) Read(number uint64) ([]byte, error) {
	l.lock.Lock()
	if number >= uint64(len(l.places)) {
		l.lock.Unlock()
		return nil, fmt.Errorf("Read block %d: the height is %d", number, len(l.places))
	}
	cached, at := l.cached[int(number)], l.places[number]
	l.lock.Unlock()
	if cached != nil {
		return cached, nil
	}
	block := make([]byte, at.size)
	_, err := l.file.ReadAt(block, at.position)
	return block, err
}

// Changed is closed at the next block.
func (l *Ledger) Changed() <-chan struct{} {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.changed
}

// Close lets go of the file.
func (l *Ledger) Close() error { return l.file.Close() }

// scan finds every whole block from the start; what follows the last one is a torn tail.
func (l *Ledger) scan() error {
	reader := &offsetReader{file: l.file}
	for {
		prefix := make([]byte, prefixSize)
		if !reader.fill(prefix) {
			break
		}
		size := binary.LittleEndian.Uint32(prefix)
		if size > blockSizeMax {
			break
		}
		block := make([]byte, size)
		if !reader.fill(block) || !bytes.Equal(prefix, prefixOf(block)) {
			break
		}
		l.places = append(l.places, place{l.size + prefixSize, int(size)})
		l.size = reader.at
	}
	return l.file.Truncate(l.size)
}

type offsetReader struct {
	file *os.File
	at   int64
}

// fill answers false where the file ends before; damage of the disk itself ends the scan as well.
func (r *offsetReader) fill(into []byte) bool {
	count, err := r.file.ReadAt(into, r.at)
	r.at += int64(count)
	return count == len(into) && (err == nil || err == io.EOF)
}

func prefixOf(block []byte) []byte {
	prefix := binary.LittleEndian.AppendUint32(make([]byte, 0, prefixSize+len(block)), uint32(len(block)))
	digest := sha256.Sum256(block)
	return append(prefix, digest[:checkSize]...)
}

// syncFolder makes a new name durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
