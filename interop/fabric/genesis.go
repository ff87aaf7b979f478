package fabric

import (
	"cmp"
	"encoding/hex"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
)

// Genesis is block 0 of our own channels: a function of the channel's name and its consenters, so that every node makes
// the same one. Its one envelope holds the consenter mapping and nothing else (src/fabric/genesis.ts).
func Genesis(channel string, consenters []*common.Consenter) *common.Block {
	data := [][]byte{genesisEnvelope(channel, consenters)}
	return &common.Block{
		Header:   &common.BlockHeader{DataHash: DataHash(data)},
		Data:     &common.BlockData{Data: data},
		Metadata: Slots(OrdererMetadata(nil), nil),
	}
}

func genesisEnvelope(channel string, consenters []*common.Consenter) []byte {
	sorted := slices.SortedFunc(slices.Values(consenters), func(a, b *common.Consenter) int { return cmp.Compare(a.Id, b.Id) })
	orderers := mustEncode(&common.Orderers{ConsenterMapping: sorted})
	ordererGroup := &common.ConfigGroup{Values: map[string]*common.ConfigValue{"Orderers": {Value: orderers}}}
	channelGroup := &common.ConfigGroup{Groups: map[string]*common.ConfigGroup{"Orderer": ordererGroup}}
	config := mustEncode(&common.ConfigEnvelope{Config: &common.Config{ChannelGroup: channelGroup}})
	header := &common.ChannelHeader{
		Type:      int32(common.HeaderType_CONFIG),
		ChannelId: channel,
		// Fabric puts random bytes here; ours must be the same everywhere.
		TxId: hex.EncodeToString(sum(config)),
	}
	payload := mustEncode(&common.Payload{Header: &common.Header{ChannelHeader: mustEncode(header)}, Data: config})
	return mustEncode(&common.Envelope{Payload: payload})
}
