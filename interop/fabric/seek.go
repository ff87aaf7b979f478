package fabric

import (
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/protobuf/proto"
)

// SeekRange asks for full blocks from first to last, waiting for those that are not there yet.
func SeekRange(first, last uint64) *orderer.SeekInfo {
	return &orderer.SeekInfo{Start: specified(first), Stop: specified(last)}
}

// SeekNewest asks for exactly the last block without its data: how heights are probed. The height is its number plus one.
func SeekNewest() *orderer.SeekInfo {
	newest := &orderer.SeekPosition{Type: &orderer.SeekPosition_Newest{Newest: &orderer.SeekNewest{}}}
	return &orderer.SeekInfo{Start: newest, Stop: newest, ContentType: orderer.SeekInfo_HEADER_WITH_SIG}
}

func specified(number uint64) *orderer.SeekPosition {
	return &orderer.SeekPosition{Type: &orderer.SeekPosition_Specified{Specified: &orderer.SeekSpecified{Number: number}}}
}

// SeekEnvelope signs a wish.
func SeekEnvelope(seek *orderer.SeekInfo, channel string, creator, nonce []byte, sign func([]byte) ([]byte, error)) (*common.Envelope, error) {
	header := &common.ChannelHeader{Type: int32(common.HeaderType_DELIVER_SEEK_INFO), ChannelId: channel}
	return Signed(header, creator, nonce, mustEncode(seek), sign)
}

// OpenSeek gives channel and wish of a seek envelope. Its signature is not looked at.
func OpenSeek(envelope *common.Envelope) (string, *orderer.SeekInfo, error) {
	opened, err := openPayload(envelope.GetPayload())
	if err != nil {
		return "", nil, err
	}
	if opened.channel.Type != int32(common.HeaderType_DELIVER_SEEK_INFO) {
		return "", nil, fmt.Errorf("header type %d is no seek", opened.channel.Type)
	}
	seek := &orderer.SeekInfo{}
	if err := proto.Unmarshal(opened.data, seek); err != nil {
		return "", nil, fmt.Errorf("seek: %w", err)
	}
	if seek.Start == nil || seek.Stop == nil {
		return "", nil, errors.New("seek: no start or no stop")
	}
	return opened.channel.ChannelId, seek, nil
}
