package fabric

// The real blocks of a Fabric v3.1.5 channel, the same that src/fabric/vectors.test.ts passes (tests/vectors/fabric/README.md).

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

func vector(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "tests", "vectors", "fabric", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func blockIn(t *testing.T, name string) *common.Block {
	t.Helper()
	block, err := DecodeBlock(vector(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return block
}

func consentersOf(t *testing.T) Consenters {
	t.Helper()
	consenters := Consenters{}
	for id := uint64(1); id <= 4; id++ {
		key, err := PublicKey(string(vector(t, fmt.Sprintf("consenters/consenter%d_identity.pem", id))))
		if err != nil {
			t.Fatal(err)
		}
		consenters[id] = key
	}
	return consenters
}

type knownBlock struct {
	File       string
	Number     uint64
	HeaderHash string `json:"header_hash"`
	HeaderDER  string `json:"header_der"`
	DataHash   string `json:"computed_data_hash"`
	Metadata   string `json:"orderer_block_metadata_hex"`
	View       struct {
		View      uint64 `json:"view_id"`
		Sequence  uint64 `json:"latest_sequence"`
		Decisions uint64 `json:"decisions_in_view"`
	} `json:"view_metadata"`
}

func knownBlocks(t *testing.T) []knownBlock {
	t.Helper()
	var known []knownBlock
	if err := json.Unmarshal(vector(t, "blocks.json"), &known); err != nil {
		t.Fatal(err)
	}
	if len(known) < 10 {
		t.Fatalf("got %d known blocks, expected the whole list", len(known))
	}
	return known
}

func TestRealBlocksHaveTheHashesThatFabricPrinted(t *testing.T) {
	for _, known := range knownBlocks(t) {
		block := blockIn(t, known.File)
		same(t, known.File, "header", hex.EncodeToString(HeaderDER(block.Header)), known.HeaderDER)
		same(t, known.File, "hash", hex.EncodeToString(HeaderHash(block.Header)), known.HeaderHash)
		same(t, known.File, "data hash", hex.EncodeToString(DataHash(block.Data.Data)), known.DataHash)
		same(t, known.File, "bytes", hex.EncodeToString(EncodeBlock(block)), hex.EncodeToString(vector(t, known.File)))
		if known.Number == 0 {
			continue
		}
		view := ViewMetadataOf(block)
		got := []uint64{view.GetViewId(), view.GetLatestSequence(), view.GetDecisionsInView()}
		same(t, known.File, "view metadata", fmt.Sprint(got), fmt.Sprint([]uint64{known.View.View, known.View.Sequence, known.View.Decisions}))
	}
}

func TestARealBlockIsADecisionAndBecomesTheSameBlockAgain(t *testing.T) {
	for _, known := range knownBlocks(t) {
		if known.Number == 0 {
			continue
		}
		decision, err := DecisionFrom(blockIn(t, known.File))
		if err != nil {
			t.Fatalf("%s: %v", known.File, err)
		}
		again, err := BlockFrom(decision.Proposal, decision.Signatures)
		if err != nil {
			t.Fatalf("%s: %v", known.File, err)
		}
		same(t, known.File, "block", hex.EncodeToString(EncodeBlock(again)), hex.EncodeToString(vector(t, known.File)))
	}
}

func TestBrokenBlocksAreJudgedAsFabricJudgedThem(t *testing.T) {
	var broken []struct {
		File  string
		Check struct {
			DataHash  bool   `json:"data_hash_ok"`
			Signature string `json:"signature_policy"`
		}
	}
	if err := json.Unmarshal(vector(t, "broken.json"), &broken); err != nil {
		t.Fatal(err)
	}
	previous := HeadOf(blockIn(t, "blocks/block_000027.pb"))
	consenters := consentersOf(t)
	good := 0
	for _, each := range broken {
		_, err := consenters.VerifyBlock(blockIn(t, each.File), previous)
		wanted := each.Check.DataHash && each.Check.Signature == "ok"
		if (err == nil) != wanted {
			t.Errorf("%s: got %v, expected good: %t", each.File, err, wanted)
		}
		if err == nil {
			good++
		}
	}
	if good != 1 || len(broken) != 12 {
		t.Errorf("got %d good of %d, expected 1 of 12", good, len(broken))
	}
}

func TestWhatWasNotCheckedDoesNotSurvive(t *testing.T) {
	block := blockIn(t, "blocks/block_000028.pb")
	previous := HeadOf(blockIn(t, "blocks/block_000027.pb"))
	checked, err := consentersOf(t).VerifyBlock(block, previous)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "block 28", "bytes", hex.EncodeToString(EncodeBlock(checked)), hex.EncodeToString(EncodeBlock(block)))
	stuffed := proto.Clone(block).(*common.Block)
	stuffed.Metadata.Metadata[4] = []byte{1}
	checked, err = consentersOf(t).VerifyBlock(stuffed, previous)
	if err != nil || len(checked.Metadata.Metadata[4]) != 0 {
		t.Errorf("got slot 4 %v and %v, expected it empty", checked.GetMetadata(), err)
	}
}

func TestEntriesCutAnewAreRefused(t *testing.T) {
	block := blockIn(t, "blocks/block_000028.pb")
	previous := HeadOf(blockIn(t, "blocks/block_000027.pb"))
	data := block.Data.Data
	block.Data.Data = append([][]byte{bytes.Join(data[:2], nil)}, data[2:]...)
	if _, err := consentersOf(t).VerifyBlock(block, previous); err == nil {
		t.Error("got no error, expected two entries in one to be refused")
	}
}

func TestRealEnvelopesAreExamined(t *testing.T) {
	good := vector(t, "envelopes/good.pb")
	_, opened, err := open(good)
	if err != nil {
		t.Fatal(err)
	}
	creator := &msp.SerializedIdentity{}
	if err := proto.Unmarshal(opened.signature.Creator, creator); err != nil {
		t.Fatal(err)
	}
	members := Members{Channel: "vec", Keys: map[string]*ecdsa.PublicKey{}}
	if err := members.Add(creator.Mspid, string(creator.IdBytes)); err != nil {
		t.Fatal(err)
	}
	info, err := members.Examine(good)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "good.pb", "transaction id", info.ID, opened.channel.TxId)
	cases := map[string]struct {
		bytes   []byte
		members Members
	}{
		"a bad signature":             {vector(t, "envelopes/bad_signature.pb"), members},
		"an unknown field at its end": {append(bytes.Clone(good), 0x18, 0x01), members},
		"another channel":             {good, Members{Channel: "other", Keys: members.Keys}},
		"no member":                   {good, Members{Channel: "vec"}},
	}
	for name, each := range cases {
		if _, err := each.members.Examine(each.bytes); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func same(t *testing.T, file, what, got, wanted string) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s: %s: got %s, expected %s", file, what, got, wanted)
	}
}
