package host

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"
)

// Micros is a duration as configurations carry it: integer microseconds.
type Micros int64

// Duration in Go's terms.
func (m Micros) Duration() time.Duration { return time.Duration(m) * time.Microsecond }

// Consenter is one orderer of the channel.
type Consenter struct {
	ID        uint64 `json:"id"`
	Name      string `json:"name"`
	Address   string `json:"address"`
	Port      int    `json:"port"`
	PublicKey string `json:"publicKey"`
}

// Target to dial.
func (c Consenter) Target() string { return fmt.Sprintf("%s:%d", c.Address, c.Port) }

// Client may write to the channel.
type Client struct {
	Name      string `json:"name"`
	MspID     string `json:"mspId"`
	PublicKey string `json:"publicKey"`
}

// Transport settings, all explicit (src/boundary/transport.ts says what each is).
type Transport struct {
	Broadcast            string `json:"broadcast"`
	Ingress              string `json:"ingress"`
	ConnectTimeout       Micros `json:"connectTimeout"`
	KeepaliveTime        Micros `json:"keepaliveTime"`
	KeepaliveTimeout     Micros `json:"keepaliveTimeout"`
	ReconnectBackoffBase Micros `json:"reconnectBackoffBase"`
	ReconnectBackoffMax  Micros `json:"reconnectBackoffMax"`
	TCPUserTimeout       Micros `json:"tcpUserTimeout"`
	SendBufferMessages   int    `json:"sendBufferMessages"`
}

// Options of the protocol (src/smartbft/options.ts).
type Options struct {
	RequestBatchMaxCount          uint64 `json:"requestBatchMaxCount"`
	RequestBatchMaxBytes          uint64 `json:"requestBatchMaxBytes"`
	RequestBatchMaxInterval       Micros `json:"requestBatchMaxInterval"`
	IncomingMessageBufferSize     uint64 `json:"incomingMessageBufferSize"`
	RequestPoolSize               uint64 `json:"requestPoolSize"`
	RequestForwardTimeout         Micros `json:"requestForwardTimeout"`
	RequestComplainTimeout        Micros `json:"requestComplainTimeout"`
	RequestAutoRemoveTimeout      Micros `json:"requestAutoRemoveTimeout"`
	ViewChangeResendInterval      Micros `json:"viewChangeResendInterval"`
	ViewChangeTimeout             Micros `json:"viewChangeTimeout"`
	LeaderHeartbeatTimeout        Micros `json:"leaderHeartbeatTimeout"`
	LeaderHeartbeatCount          uint64 `json:"leaderHeartbeatCount"`
	NumOfTicksBehindBeforeSyncing uint64 `json:"numOfTicksBehindBeforeSyncing"`
	CollectTimeout                Micros `json:"collectTimeout"`
	SyncOnStart                   bool   `json:"syncOnStart"`
	SpeedUpViewChange             bool   `json:"speedUpViewChange"`
	LeaderRotation                bool   `json:"leaderRotation"`
	DecisionsPerLeader            uint64 `json:"decisionsPerLeader"`
	RequestMaxBytes               uint64 `json:"requestMaxBytes"`
	RequestPoolSubmitTimeout      Micros `json:"requestPoolSubmitTimeout"`
	TickInterval                  Micros `json:"tickInterval"`
	Fidelity                      string `json:"fidelity"`
}

// Config is what an orderer is told at start (src/boundary/node-config.ts).
type Config struct {
	Format         int         `json:"format"`
	Kind           string      `json:"kind"`
	Implementation string      `json:"implementation"`
	Name           string      `json:"name"`
	Channel        string      `json:"channel"`
	Address        string      `json:"address"`
	PrivateKeyFile string      `json:"privateKeyFile"`
	DataDirectory  string      `json:"dataDirectory"`
	ControlSocket  string      `json:"controlSocket"`
	Consenters     []Consenter `json:"consenters"`
	Clients        []Client    `json:"clients"`
	Transport      Transport   `json:"transport"`
	ID             uint64      `json:"id"`
	Port           int         `json:"port"`
	Options        Options     `json:"options"`
	TickPhase      Micros      `json:"tickPhase"`
	MessageTrace   bool        `json:"messageTrace"`
}

// ReadConfig refuses what was written for another kind of node, another format, or another replica than the library's.
func ReadConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("Read the configuration: %w", err)
	}
	config := &Config{}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("Read the configuration %q: %w", path, err)
	}
	switch {
	case config.Format != 1:
		return nil, fmt.Errorf("%s: format: got %d, expected 1", path, config.Format)
	case config.Kind != "orderer":
		return nil, fmt.Errorf("%s: kind: got %q, expected orderer: smartbft-go runs nothing else", path, config.Kind)
	case config.Implementation != "smartbft-go":
		return nil, fmt.Errorf("%s: implementation: got %q, expected smartbft-go", path, config.Implementation)
	case config.Transport.Ingress == "per-sender":
		return nil, fmt.Errorf("%s: transport.ingress: got per-sender, expected shared: smartbft-go has the library's own queue", path)
	case config.Options.Fidelity != "library":
		return nil, fmt.Errorf("%s: options.fidelity: got %q, expected library: smartbft-go is the library", path, config.Options.Fidelity)
	}
	return config, nil
}

// Library gives the options as the library has them.
func (c *Config) Library() types.Configuration {
	o := c.Options
	return types.Configuration{
		SelfID:                        c.ID,
		RequestBatchMaxCount:          o.RequestBatchMaxCount,
		RequestBatchMaxBytes:          o.RequestBatchMaxBytes,
		RequestBatchMaxInterval:       o.RequestBatchMaxInterval.Duration(),
		IncomingMessageBufferSize:     o.IncomingMessageBufferSize,
		RequestPoolSize:               o.RequestPoolSize,
		RequestForwardTimeout:         o.RequestForwardTimeout.Duration(),
		RequestComplainTimeout:        o.RequestComplainTimeout.Duration(),
		RequestAutoRemoveTimeout:      o.RequestAutoRemoveTimeout.Duration(),
		ViewChangeResendInterval:      o.ViewChangeResendInterval.Duration(),
		ViewChangeTimeout:             o.ViewChangeTimeout.Duration(),
		LeaderHeartbeatTimeout:        o.LeaderHeartbeatTimeout.Duration(),
		LeaderHeartbeatCount:          o.LeaderHeartbeatCount,
		NumOfTicksBehindBeforeSyncing: o.NumOfTicksBehindBeforeSyncing,
		CollectTimeout:                o.CollectTimeout.Duration(),
		SyncOnStart:                   o.SyncOnStart,
		SpeedUpViewChange:             o.SpeedUpViewChange,
		LeaderRotation:                o.LeaderRotation,
		DecisionsPerLeader:            o.DecisionsPerLeader,
		RequestMaxBytes:               o.RequestMaxBytes,
		RequestPoolSubmitTimeout:      o.RequestPoolSubmitTimeout.Duration(),
	}
}

// Nodes are the ids of all consenters.
func (c *Config) Nodes() []uint64 {
	ids := make([]uint64, 0, len(c.Consenters))
	for _, consenter := range c.Consenters {
		ids = append(ids, consenter.ID)
	}
	return ids
}
