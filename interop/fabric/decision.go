package fabric

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

type payloadDER struct {
	Data     []byte
	Metadata []byte
}

// ProposalFor is the proposal of a block: header DER, payload SEQUENCE{block data, block metadata}, metadata as given.
func ProposalFor(header *common.BlockHeader, data [][]byte, viewMetadata []byte) types.Proposal {
	payload := payloadDER{mustEncode(&common.BlockData{Data: data}), metadataFor(viewMetadata)}
	return types.Proposal{Header: HeaderDER(header), Payload: mustDER(payload), Metadata: viewMetadata}
}

func metadataFor(viewMetadata []byte) []byte {
	return mustEncode(Slots(OrdererMetadata(viewMetadata), nil))
}

// OpenProposal gives header and data of a proposal whose every byte is as ProposalFor would have written it.
func OpenProposal(proposal types.Proposal) (*common.BlockHeader, [][]byte, error) {
	header, err := ReadHeaderDER(proposal.Header)
	if err != nil {
		return nil, nil, err
	}
	var payload payloadDER
	if err := readDER(proposal.Payload, &payload); err != nil {
		return nil, nil, fmt.Errorf("proposal payload: %w", err)
	}
	data := &common.BlockData{}
	if err := proto.Unmarshal(payload.Data, data); err != nil {
		return nil, nil, fmt.Errorf("block data: %w", err)
	}
	if !bytes.Equal(mustEncode(&common.BlockData{Data: data.Data}), payload.Data) {
		return nil, nil, errors.New("block data: not its canonical encoding")
	}
	if !bytes.Equal(metadataFor(proposal.Metadata), payload.Metadata) {
		return nil, nil, errors.New("block metadata: does not carry the proposal's metadata")
	}
	return header, data.Data, nil
}

// SignatureMessage is the message of a commit signature: SEQUENCE{identifier header, block header, orderer metadata}.
type SignatureMessage struct {
	IdentifierHeader []byte
	Header           []byte
	OrdererMetadata  []byte
}

// Encode gives its DER.
func (m SignatureMessage) Encode() []byte { return mustDER(m) }

// SignedBytes is what a block signature covers.
func (m SignatureMessage) SignedBytes() []byte {
	return bytes.Join([][]byte{m.OrdererMetadata, m.IdentifierHeader, m.Header}, nil)
}

// ReadSignatureMessage reads what Encode writes.
func ReadSignatureMessage(der []byte) (SignatureMessage, error) {
	var message SignatureMessage
	if err := readDER(der, &message); err != nil {
		return message, fmt.Errorf("signature message: %w", err)
	}
	return message, nil
}

// BlockFrom is the block to store for a decision: signatures in slot 0, in the decision's order.
func BlockFrom(proposal types.Proposal, signatures []types.Signature) (*common.Block, error) {
	header, data, err := OpenProposal(proposal)
	if err != nil {
		return nil, err
	}
	entries := make([]*common.MetadataSignature, 0, len(signatures))
	for _, signature := range signatures {
		message, err := ReadSignatureMessage(signature.Msg)
		if err != nil {
			return nil, err
		}
		entries = append(entries, &common.MetadataSignature{IdentifierHeader: message.IdentifierHeader, Signature: signature.Value})
	}
	metadata := Slots(OrdererMetadata(proposal.Metadata), entries)
	return &common.Block{Header: header, Data: &common.BlockData{Data: data}, Metadata: metadata}, nil
}

// DecisionFrom is the decision that a stored block came from, equal in every field to the one that was delivered: others
// compare it field by field (smartbft.md sections 9 and 17). Nil for genesis, which nobody decided.
func DecisionFrom(block *common.Block) (*types.Decision, error) {
	slot, err := SignatureSlot(block)
	if err != nil {
		return nil, err
	}
	metadata := &common.OrdererBlockMetadata{}
	if err := proto.Unmarshal(slot.Value, metadata); err != nil {
		return nil, fmt.Errorf("orderer metadata: %w", err)
	}
	if len(metadata.ConsenterMetadata) == 0 {
		return nil, nil
	}
	if !bytes.Equal(OrdererMetadata(metadata.ConsenterMetadata), slot.Value) {
		return nil, errors.New("orderer metadata: names another config block")
	}
	header := HeaderDER(block.Header)
	var signatures []types.Signature
	for _, entry := range slot.Signatures {
		identifier, err := ReadIdentifier(entry.IdentifierHeader)
		if err != nil {
			return nil, err
		}
		message := SignatureMessage{entry.IdentifierHeader, header, slot.Value}
		signatures = append(signatures, types.Signature{ID: identifier, Value: entry.Signature, Msg: message.Encode()})
	}
	proposal := ProposalFor(block.Header, block.Data.Data, metadata.ConsenterMetadata)
	return &types.Decision{Proposal: proposal, Signatures: signatures}, nil
}

// Identifier is an encoded IdentifierHeader: who signed, and a nonce of 24 bytes.
func Identifier(id uint64, nonce []byte) []byte {
	return mustEncode(&common.IdentifierHeader{Identifier: uint32(id), Nonce: nonce})
}

// ReadIdentifier says whose identifier header it is.
func ReadIdentifier(encoded []byte) (uint64, error) {
	header := &common.IdentifierHeader{}
	if err := proto.Unmarshal(encoded, header); err != nil {
		return 0, fmt.Errorf("identifier header: %w", err)
	}
	return uint64(header.Identifier), nil
}
