package fabric

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Creator is a serialised identity; until certificates come its PEM is the public key itself.
func Creator(mspID, publicKey string) []byte {
	return mustEncode(&msp.SerializedIdentity{Mspid: mspID, IdBytes: []byte(publicKey)})
}

// Members are who may write to a channel: public key by client identity (hex SHA-256 of the creator).
type Members struct {
	Channel string
	Keys    map[string]*ecdsa.PublicKey
}

// Add lets a client write.
func (m Members) Add(mspID, publicKey string) error {
	key, err := PublicKey(publicKey)
	if err != nil {
		return err
	}
	m.Keys[hex.EncodeToString(sum(Creator(mspID, publicKey)))] = key
	return nil
}

// BadEnvelope says why a transaction is refused, with the status that a Broadcast answers (fabric-wire.md section 5.1).
type BadEnvelope struct {
	Status common.Status
	Reason string
}

func (e *BadEnvelope) Error() string { return e.Reason }

// Examine asks everything that an orderer asks of a transaction, its signature included, in Fabric's order.
func (m Members) Examine(request []byte) (types.RequestInfo, error) {
	envelope, opened, err := open(request)
	if err != nil {
		return types.RequestInfo{}, &BadEnvelope{common.Status_BAD_REQUEST, err.Error()}
	}
	bad := func(status common.Status, text string, values ...any) (types.RequestInfo, error) {
		return types.RequestInfo{}, &BadEnvelope{status, fmt.Sprintf(text, values...)}
	}
	if opened.channel.ChannelId != m.Channel {
		return bad(common.Status_BAD_REQUEST, "channel does not exist")
	}
	if opened.channel.Type != int32(common.HeaderType_ENDORSER_TRANSACTION) {
		return bad(common.Status_BAD_REQUEST, "header type %d is not ordered", opened.channel.Type)
	}
	if len(opened.signature.Creator) == 0 || len(opened.signature.Nonce) == 0 {
		return bad(common.Status_BAD_REQUEST, "no creator or no nonce")
	}
	info := opened.identity()
	key := m.Keys[info.ClientID]
	if key == nil {
		return bad(common.Status_FORBIDDEN, "creator is not a member of the channel")
	}
	if !IsLowS(envelope.Signature) {
		return bad(common.Status_FORBIDDEN, "signature is not DER with s in the lower half")
	}
	if !Verify(key, envelope.Payload, envelope.Signature) {
		return bad(common.Status_FORBIDDEN, "signature does not verify")
	}
	return info, nil
}

// Identity of a request: hex SHA-256(creator), hex SHA-256(nonce ‖ creator); false when the bytes are none.
func Identity(request []byte) (types.RequestInfo, bool) {
	_, opened, err := open(request)
	if err != nil {
		return types.RequestInfo{}, false
	}
	return opened.identity(), true
}

// Identities of a block's transactions, in order; entries that are none (genesis) are left out.
func Identities(data [][]byte) []types.RequestInfo {
	found := make([]types.RequestInfo, 0, len(data))
	for _, entry := range data {
		if info, is := Identity(entry); is {
			found = append(found, info)
		}
	}
	return found
}

// CheckCanonical refuses bytes that are not an envelope's one encoding: the data hash of a block does not see where one
// entry ends and the next begins, but a whole envelope can be cut in one way only.
func CheckCanonical(entry []byte) error {
	_, err := envelopeIn(entry)
	return err
}

type payload struct {
	channel   *common.ChannelHeader
	signature *common.SignatureHeader
	data      []byte
}

func (p payload) identity() types.RequestInfo {
	id := sum(bytes.Join([][]byte{p.signature.Nonce, p.signature.Creator}, nil))
	return types.RequestInfo{ClientID: hex.EncodeToString(sum(p.signature.Creator)), ID: hex.EncodeToString(id)}
}

func open(request []byte) (*common.Envelope, payload, error) {
	envelope, err := envelopeIn(request)
	if err != nil {
		return nil, payload{}, err
	}
	opened, err := openPayload(envelope.Payload)
	return envelope, opened, err
}

func envelopeIn(entry []byte) (*common.Envelope, error) {
	envelope := &common.Envelope{}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(entry, envelope); err != nil {
		return nil, fmt.Errorf("envelope: %w", err)
	}
	if len(envelope.Payload) == 0 {
		return nil, errors.New("envelope: no payload")
	}
	if len(envelope.Signature) == 0 {
		return nil, errors.New("envelope: no signature")
	}
	if !bytes.Equal(mustEncode(envelope), entry) {
		return nil, errors.New("envelope: not its canonical encoding")
	}
	return envelope, nil
}

func openPayload(encoded []byte) (payload, error) {
	outer := &common.Payload{}
	opened := payload{channel: &common.ChannelHeader{}, signature: &common.SignatureHeader{}}
	if err := proto.Unmarshal(encoded, outer); err != nil {
		return opened, fmt.Errorf("payload: %w", err)
	}
	if err := proto.Unmarshal(outer.GetHeader().GetChannelHeader(), opened.channel); err != nil {
		return opened, fmt.Errorf("payload: channel header: %w", err)
	}
	if err := proto.Unmarshal(outer.GetHeader().GetSignatureHeader(), opened.signature); err != nil {
		return opened, fmt.Errorf("payload: signature header: %w", err)
	}
	opened.data = outer.Data
	return opened, nil
}

// Signed is an envelope of any type, made and signed here.
func Signed(header *common.ChannelHeader, creator, nonce, data []byte, sign func([]byte) ([]byte, error)) (*common.Envelope, error) {
	header.Timestamp = timestamppb.Now()
	encoded := mustEncode(&common.Payload{
		Header: &common.Header{
			ChannelHeader:   mustEncode(header),
			SignatureHeader: mustEncode(&common.SignatureHeader{Creator: creator, Nonce: nonce}),
		},
		Data: data,
	})
	signature, err := sign(encoded)
	if err != nil {
		return nil, err
	}
	return &common.Envelope{Payload: encoded, Signature: signature}, nil
}
