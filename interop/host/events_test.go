package host

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEventsAreLinesThatReadBack(t *testing.T) {
	log := NewLog("orderer1")
	log.EmitAt(7, "step", F("facts", []Fact{F("text", "a \"quoted\"\n<é>"), F("list", []uint64{1, 2}), F("flag", true)}))
	text, next := log.read(0, 10)
	var line struct {
		Event map[string]any
		N     int
	}
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	facts := line.Event["facts"].(map[string]any)
	if next != 1 || line.N != 0 || line.Event["node"] != "orderer1" || line.Event["at"] != 7.0 || facts["text"] != "a \"quoted\"\n<é>" {
		t.Errorf("got %s", text)
	}
}

func TestNoEventIsLostAndNoneIsKeptForEver(t *testing.T) {
	log := NewLog("orderer1")
	text := strings.Repeat("x", 1000)
	for range 3000 {
		log.Emit("log", F("text", text))
	}
	if _, next := log.read(2999, 10); next != 3000 {
		t.Errorf("got next %d, expected 3000", next)
	}
	log.release(3000)
	if log.size > resumeBytes || log.oldest() < 1500 {
		t.Errorf("got %d bytes from %d on, expected the last MiB", log.size, log.oldest())
	}
}

func TestALedgerKeepsWholeBlocksAndCutsATornTail(t *testing.T) {
	folder := t.TempDir()
	ledger, err := OpenLedger(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{"genesis", "one", "two"} {
		if err := ledger.Append([]byte(block)); err != nil {
			t.Fatal(err)
		}
	}
	ledger.Close()
	path := filepath.Join(folder, "blocks")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content[:len(content)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	ledger, err = OpenLedger(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	last, err := ledger.Read(1)
	if ledger.Height() != 2 || err != nil || string(last) != "one" {
		t.Errorf("got height %d, %q, %v: expected 2 and \"one\"", ledger.Height(), last, err)
	}
}
