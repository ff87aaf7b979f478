// Package fabric holds Fabric's bytes as the orderers of this project exchange them: blocks, envelopes, commit signatures,
// genesis and seeks (smartbft.md Appendix A; fabric-wire.md sections 2, 5 and 8). It follows src/fabric; the messages are
// Fabric's own generated ones, so that the two encoders check each other.
package fabric

import (
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/hyperledger-labs/SmartBFT/smartbftprotos"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

// SlotCount is the number of metadata slots of a block: 0 signatures, 1 last config, 2 validation codes, 3 unused, 4 commit hash.
const SlotCount = 5

// Head is where a chain stands: number and header hash of its last block.
type Head struct {
	Number uint64
	Hash   []byte
}

// HeadOf is the head of a chain that ends in this block.
func HeadOf(block *common.Block) Head {
	return Head{Number: block.Header.Number, Hash: HeaderHash(block.Header)}
}

type headerDER struct {
	Number       int64
	PreviousHash []byte
	DataHash     []byte
}

// HeaderDER is SEQUENCE{INTEGER number, OCTET STRING previous hash, OCTET STRING data hash}.
func HeaderDER(header *common.BlockHeader) []byte {
	return mustDER(headerDER{int64(header.Number), header.PreviousHash, header.DataHash})
}

// HeaderHash is the block's hash: SHA-256 of the header's DER.
func HeaderHash(header *common.BlockHeader) []byte { return sum(HeaderDER(header)) }

// DataHash is SHA-256 of all entries concatenated; no tree.
func DataHash(data [][]byte) []byte {
	digest := sha256.New()
	for _, entry := range data {
		digest.Write(entry)
	}
	return digest.Sum(nil)
}

// ReadHeaderDER reads what HeaderDER writes, and nothing else.
func ReadHeaderDER(bytes []byte) (*common.BlockHeader, error) {
	var header headerDER
	if err := readDER(bytes, &header); err != nil {
		return nil, fmt.Errorf("block header: %w", err)
	}
	if header.Number < 0 {
		return nil, errors.New("block header: negative number")
	}
	return &common.BlockHeader{Number: uint64(header.Number), PreviousHash: header.PreviousHash, DataHash: header.DataHash}, nil
}

// EncodeBlock gives the bytes that are stored and delivered.
func EncodeBlock(block *common.Block) []byte { return mustEncode(block) }

// DecodeBlock refuses bytes without a header; data and metadata are never nil.
func DecodeBlock(bytes []byte) (*common.Block, error) {
	block := &common.Block{}
	if err := proto.Unmarshal(bytes, block); err != nil {
		return nil, fmt.Errorf("block: %w", err)
	}
	if block.Header == nil {
		return nil, errors.New("block: no header")
	}
	if block.Data == nil {
		block.Data = &common.BlockData{}
	}
	if block.Metadata == nil {
		block.Metadata = &common.BlockMetadata{}
	}
	return block, nil
}

// OrdererMetadata is the encoded OrdererBlockMetadata that every signature of a block covers besides its header. The last
// config block is genesis: there is no reconfiguration.
func OrdererMetadata(viewMetadata []byte) []byte {
	return mustEncode(&common.OrdererBlockMetadata{LastConfig: &common.LastConfig{}, ConsenterMetadata: viewMetadata})
}

// Slots are slot 0 as given and four empty ones: what orderers store.
func Slots(value []byte, signatures []*common.MetadataSignature) *common.BlockMetadata {
	slots := make([][]byte, SlotCount)
	slots[0] = mustEncode(&common.Metadata{Value: value, Signatures: signatures})
	for index := 1; index < SlotCount; index++ {
		slots[index] = []byte{}
	}
	return &common.BlockMetadata{Metadata: slots}
}

// SignatureSlot is the content of slot 0.
func SignatureSlot(block *common.Block) (*common.Metadata, error) {
	slot := &common.Metadata{}
	if len(block.Metadata.Metadata) == 0 {
		return nil, errors.New("block has no metadata slots")
	}
	if err := proto.Unmarshal(block.Metadata.Metadata[0], slot); err != nil {
		return nil, fmt.Errorf("metadata slot 0: %w", err)
	}
	return slot, nil
}

// ViewMetadataOf reads view, sequence and decisions of the decision that made a block; nil for genesis.
func ViewMetadataOf(block *common.Block) *smartbftprotos.ViewMetadata {
	slot, err := SignatureSlot(block)
	if err != nil {
		return nil
	}
	metadata := &common.OrdererBlockMetadata{}
	if proto.Unmarshal(slot.Value, metadata) != nil || len(metadata.ConsenterMetadata) == 0 {
		return nil
	}
	view := &smartbftprotos.ViewMetadata{}
	if proto.Unmarshal(metadata.ConsenterMetadata, view) != nil {
		return nil
	}
	return view
}

// WithoutData is the block as Deliver gives it for HEADER_WITH_SIG.
func WithoutData(block *common.Block) *common.Block {
	return &common.Block{Header: block.Header, Data: &common.BlockData{}, Metadata: block.Metadata}
}

func sum(bytes []byte) []byte {
	digest := sha256.Sum256(bytes)
	return digest[:]
}

// mustEncode is for messages made here: they always encode.
func mustEncode(message proto.Message) []byte {
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		panic(fmt.Sprintf("Encode %T: %v", message, err))
	}
	return bytes
}

func mustDER(value any) []byte {
	bytes, err := asn1.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("Encode %T: %v", value, err))
	}
	return bytes
}

func readDER(bytes []byte, value any) error {
	rest, err := asn1.Unmarshal(bytes, value)
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes after the end")
	}
	return err
}
