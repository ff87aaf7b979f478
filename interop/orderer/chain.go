package orderer

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"testbed/interop/fabric"
	"testbed/interop/host"
)

// chain is the ledger with blocks instead of bytes, genesis at its start, and the event that tells of each block once it
// is durable.
type chain struct {
	ledger *host.Ledger
	log    *host.Log

	lock sync.Mutex
	last *common.Block
	head fabric.Head
}

// openChain begins with genesis, and refuses a ledger of another channel. Caller closes.
func openChain(config *host.Config, log *host.Log) (*chain, error) {
	ledger, err := host.OpenLedger(filepath.Join(config.DataDirectory, "ledger"))
	if err != nil {
		return nil, err
	}
	c := &chain{ledger: ledger, log: log}
	if err := c.begin(genesisOf(config)); err != nil {
		ledger.Close()
		return nil, err
	}
	return c, nil
}

func (c *chain) begin(genesis []byte) error {
	if c.ledger.Height() == 0 {
		if err := c.ledger.Append(genesis); err != nil {
			return err
		}
	}
	found, err := c.ledger.Read(0)
	if err != nil {
		return err
	}
	if !bytes.Equal(found, genesis) {
		return fmt.Errorf("Open the ledger: its genesis block is of another channel: the node's data folder belongs to another lab, or keys were made anew; remove it")
	}
	newest, err := c.ledger.Read(c.ledger.Height() - 1)
	if err != nil {
		return err
	}
	if c.last, err = fabric.DecodeBlock(newest); err != nil {
		return err
	}
	c.head = fabric.HeadOf(c.last)
	return nil
}

// append returns when the block is durable and told; source is "decision" or "sync".
func (c *chain) append(block *common.Block, source string) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if block.Header.Number != c.head.Number+1 || !bytes.Equal(block.Header.PreviousHash, c.head.Hash) {
		return fmt.Errorf("Store block %d: it does not follow block %d of this chain", block.Header.Number, c.head.Number)
	}
	encoded := fabric.EncodeBlock(block)
	if err := c.ledger.Append(encoded); err != nil {
		return err
	}
	c.last, c.head = block, fabric.HeadOf(block)
	transactions := make([]string, 0, len(block.Data.Data))
	for _, info := range fabric.Identities(block.Data.Data) {
		transactions = append(transactions, info.ID)
	}
	c.log.Emit("block",
		host.F("role", "orderer"), host.F("number", block.Header.Number),
		host.F("hash", hex.EncodeToString(c.head.Hash)), host.F("previousHash", hex.EncodeToString(block.Header.PreviousHash)),
		host.F("view", fabric.ViewMetadataOf(block).GetViewId()), host.F("bytes", len(encoded)),
		host.F("transactions", transactions), host.F("duplicates", []uint64{}), host.F("source", source))
	return nil
}

// end is the newest block and the head that it makes.
func (c *chain) end() (*common.Block, fabric.Head) {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.last, c.head
}

func genesisOf(config *host.Config) []byte {
	consenters := make([]*common.Consenter, 0, len(config.Consenters))
	for _, each := range config.Consenters {
		consenters = append(consenters, &common.Consenter{
			Id: uint32(each.ID), Host: each.Address, Port: uint32(each.Port), Identity: []byte(each.PublicKey),
		})
	}
	return fabric.EncodeBlock(fabric.Genesis(config.Channel, consenters))
}
