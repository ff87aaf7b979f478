package fabric

import (
	"bytes"
	"crypto/ecdsa"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
)

// Consenters are the keys of a channel's orderers by id.
type Consenters map[uint64]*ecdsa.PublicKey

// Quorum of votes, one's own included (smartbft.md section 0).
func (c Consenters) Quorum() int {
	n := len(c)
	return (n + (n-1)/3 + 2) / 2
}

// FaultsTolerated by this many orderers.
func (c Consenters) FaultsTolerated() int { return (len(c) - 1) / 3 }

// VerifyBlock asks whether the block extends the head and a quorum signed it, in Fabric's order (fabric-wire.md sections
// 6 and 8). It answers the block with nothing in its metadata but what was checked: the rest is covered by no signature.
func (c Consenters) VerifyBlock(block *common.Block, previous Head) (*common.Block, error) {
	number := block.Header.Number
	if number != previous.Number+1 {
		return nil, fmt.Errorf("block %d where %d is next", number, previous.Number+1)
	}
	if !bytes.Equal(block.Header.PreviousHash, previous.Hash) {
		return nil, fmt.Errorf("block %d does not name the hash of block %d", number, previous.Number)
	}
	if len(block.Metadata.Metadata) < SlotCount {
		return nil, fmt.Errorf("block has %d metadata slots, not %d", len(block.Metadata.Metadata), SlotCount)
	}
	if !bytes.Equal(DataHash(block.Data.Data), block.Header.DataHash) {
		return nil, fmt.Errorf("data of block %d does not have the hash in its header", number)
	}
	for index, entry := range block.Data.Data {
		if err := CheckCanonical(entry); err != nil {
			return nil, fmt.Errorf("entry %d of block %d: %w", index, number, err)
		}
	}
	return c.checkSignatures(block)
}

// checkSignatures skips unknown consenters, as Fabric does, and refuses more entries than there are consenters: a hostile
// source could otherwise buy any amount of checking with one block.
func (c Consenters) checkSignatures(block *common.Block) (*common.Block, error) {
	slot, err := SignatureSlot(block)
	if err != nil {
		return nil, err
	}
	if len(slot.Signatures) > len(c) {
		return nil, fmt.Errorf("block has %d signatures of %d consenters", len(slot.Signatures), len(c))
	}
	header := HeaderDER(block.Header)
	seen := make(map[uint64]bool)
	var good []*common.MetadataSignature
	for _, entry := range slot.Signatures {
		identifier, err := ReadIdentifier(entry.IdentifierHeader)
		if err != nil || seen[identifier] {
			continue
		}
		signed := SignatureMessage{entry.IdentifierHeader, header, slot.Value}.SignedBytes()
		if !Verify(c[identifier], signed, entry.Signature) {
			continue
		}
		seen[identifier] = true
		good = append(good, &common.MetadataSignature{IdentifierHeader: entry.IdentifierHeader, Signature: entry.Signature})
	}
	if len(good) < c.Quorum() {
		return nil, fmt.Errorf("block %d has %d good signatures of distinct consenters, not %d", block.Header.Number, len(good), c.Quorum())
	}
	return &common.Block{Header: block.Header, Data: block.Data, Metadata: Slots(slot.Value, good)}, nil
}
