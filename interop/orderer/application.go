package orderer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"golang.org/x/sync/errgroup"

	"testbed/interop/fabric"
	"testbed/interop/host"
)

const nonceSize = 24

// application is the library's Application, Assembler, Signer, Verifier and RequestInspector, as Fabric fills them in
// (smartbft.md section 2 and Appendix A). Auxiliary data is dropped, as Fabric drops it.
type application struct {
	config     *host.Config
	key        *ecdsa.PrivateKey
	consenters fabric.Consenters
	members    fabric.Members
	chain      *chain
	observer   *observer
	fatal      func(text string)
}

// Deliver stores the decision durably before it returns.
func (a *application) Deliver(proposal types.Proposal, signatures []types.Signature) types.Reconfig {
	metadata := metadataOf(proposal)
	block, err := fabric.BlockFrom(proposal, signatures)
	if err == nil {
		err = a.chain.append(block, "decision")
	}
	if err != nil {
		a.fatal(fmt.Sprintf("Deliver decision %d: %v", metadata.GetLatestSequence(), err))
		select {} // what comes after a lost block must not happen
	}
	a.observer.stored(metadata, len(block.Data.Data))
	return types.Reconfig{CurrentNodes: a.config.Nodes(), CurrentConfig: a.config.Library()}
}

// AssembleProposal makes the next block of all requests; the metadata is copied as it is.
func (a *application) AssembleProposal(metadata []byte, requests [][]byte) types.Proposal {
	_, head := a.chain.end()
	header := &common.BlockHeader{Number: head.Number + 1, PreviousHash: head.Hash, DataHash: fabric.DataHash(requests)}
	proposal := fabric.ProposalFor(header, requests, metadata)
	if read := metadataOf(proposal); read != nil {
		a.observer.proposed(read, requests)
	}
	return proposal
}

func (a *application) Sign(message []byte) []byte {
	signature, err := fabric.Sign(a.key, message)
	if err != nil {
		a.fatal(fmt.Sprintf("Sign: %v", err))
		select {}
	}
	return signature
}

func (a *application) SignProposal(proposal types.Proposal, _ []byte) *types.Signature {
	a.observer.sawProposal(proposal)
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails (crypto/rand)
	message := fabric.SignatureMessage{
		IdentifierHeader: fabric.Identifier(a.config.ID, nonce),
		Header:           proposal.Header,
		OrdererMetadata:  fabric.OrdererMetadata(proposal.Metadata),
	}
	return &types.Signature{ID: a.config.ID, Value: a.Sign(message.SignedBytes()), Msg: message.Encode()}
}

// VerifyProposal checks everything, each request's signature included. A request that was committed before is no reason
// to refuse: after a view change the library proposes the requests of the in-flight decision once more (smartbft.md
// section 15, item 1). The same request twice within one block has no such excuse.
func (a *application) VerifyProposal(proposal types.Proposal) ([]types.RequestInfo, error) {
	a.observer.sawProposal(proposal)
	header, data, err := fabric.OpenProposal(proposal)
	if err != nil {
		return nil, err
	}
	_, head := a.chain.end()
	switch {
	case proposal.VerificationSequence != 0:
		return nil, fmt.Errorf("verification sequence %d, expected 0", proposal.VerificationSequence)
	case header.Number != head.Number+1:
		return nil, fmt.Errorf("block %d, expected %d", header.Number, head.Number+1)
	case !bytes.Equal(header.PreviousHash, head.Hash):
		return nil, errors.New("previous hash is not the last block's")
	case len(data) == 0:
		return nil, errors.New("no requests")
	case !bytes.Equal(header.DataHash, fabric.DataHash(data)):
		return nil, errors.New("data hash is not the data's")
	}
	return a.verifyRequests(data)
}

func (a *application) verifyRequests(data [][]byte) ([]types.RequestInfo, error) {
	infos := make([]types.RequestInfo, len(data))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for index, request := range data {
		group.Go(func() (err error) {
			if infos[index], err = a.members.Examine(request); err != nil {
				err = fmt.Errorf("request %d: %w", index, err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(infos))
	for index, info := range infos {
		if seen[info.ID] {
			return nil, fmt.Errorf("request %d: twice in one block", index)
		}
		seen[info.ID] = true
	}
	return infos, nil
}

func (a *application) VerifyRequest(request []byte) (types.RequestInfo, error) {
	return a.members.Examine(request)
}

// VerifyConsenterSig checks a commit signature over the proposal; there is no auxiliary data in it.
func (a *application) VerifyConsenterSig(signature types.Signature, proposal types.Proposal) ([]byte, error) {
	message, err := fabric.ReadSignatureMessage(signature.Msg)
	if err != nil {
		return nil, err
	}
	identifier, err := fabric.ReadIdentifier(message.IdentifierHeader)
	switch {
	case err != nil:
		return nil, err
	case identifier != signature.ID:
		return nil, fmt.Errorf("signature of %d by %d", signature.ID, identifier)
	case !bytes.Equal(message.Header, proposal.Header):
		return nil, errors.New("signature of another header")
	case !bytes.Equal(message.OrdererMetadata, fabric.OrdererMetadata(proposal.Metadata)):
		return nil, errors.New("signature of other metadata")
	case !fabric.Verify(a.consenters[signature.ID], message.SignedBytes(), signature.Value):
		return nil, errors.New("signature does not verify")
	}
	return nil, nil
}

func (a *application) VerifySignature(signature types.Signature) error {
	if !fabric.Verify(a.consenters[signature.ID], signature.Msg, signature.Value) {
		return fmt.Errorf("signature of %d does not verify", signature.ID)
	}
	return nil
}

// VerificationSequence is the channel configuration's: it never changes here.
func (a *application) VerificationSequence() uint64 { return 0 }

func (a *application) RequestsFromProposal(proposal types.Proposal) []types.RequestInfo {
	_, data, err := fabric.OpenProposal(proposal)
	if err != nil {
		return nil
	}
	return fabric.Identities(data)
}

func (a *application) AuxiliaryData(_ []byte) []byte { return nil }

// RequestID of bytes that are no request is empty; none come so far, they are examined before.
func (a *application) RequestID(request []byte) types.RequestInfo {
	info, _ := fabric.Identity(request)
	return info
}
