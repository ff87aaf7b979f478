package orderer

import (
	"fmt"

	"github.com/hyperledger-labs/SmartBFT/pkg/types"

	"testbed/interop/host"
)

// steps are the library's log lines that tell a step of the protocol (smartbft.md section 12.2), by template; a test holds
// them against the module's source. Names and facts are those of src/smartbft/contract.ts; facts that the library does not
// tell are absent: `attempt` of a timeout, `sequence` of an installed view, `count` of a pre-prepare.
var steps = map[string]func(o *observer, values []any){
	// start and restart
	"Starting controller with view %d, sequence %d, and decisions %d": func(o *observer, v []any) {
		o.step("controller", "started", host.F("view", number(v, 0)), host.F("sequence", number(v, 1)))
	},
	"Nothing to restore":                                          func(o *observer, _ []any) { o.tellRestored("nothing") },
	"WAL contains %d entries":                                     func(o *observer, _ []any) { o.restoring = true },
	"Restored proposal with sequence %d":                          func(o *observer, v []any) { o.tellRestored(o.lastSaved, o.at(number(v, 0))...) },
	"Last proposal with sequence %d has been safely committed":    func(o *observer, v []any) { o.tellRestored("nothing") },
	"last entry in WAL is a newView record":                       func(o *observer, _ []any) { o.restoredIn("newView") },
	"last entry in WAL is a viewChange message":                   func(o *observer, _ []any) { o.restoredIn("viewChange") },
	"Starting view with number %d, sequence %d, and decisions %d": (*observer).viewStarting,

	// requests
	"Request %s timeout expired, this node is the leader, nothing to do": func(o *observer, v []any) {
		o.requestTimeout("forwardTimeout", v[0], o.self)
	},
	"Request %s timeout expired, forwarding request to leader: %d": func(o *observer, v []any) {
		o.requestTimeout("forwardTimeout", v[0], number(v, 1))
	},
	"Request %s leader-forwarding timeout expired, this node is the leader, stop send heartbeat message": func(o *observer, v []any) {
		o.requestTimeout("complainTimeout", v[0], o.self)
	},
	"Request %s leader-forwarding timeout expired, complaining about leader: %d": func(o *observer, v []any) {
		o.requestTimeout("complainTimeout", v[0], number(v, 1))
		o.complaint("request", o.view, number(v, 1), true)
	},
	"Request %s auto-remove timeout expired, removed from the request pool": func(o *observer, v []any) {
		o.step("pool", "autoRemoved", requestFacts(v[0])...)
	},
	"Request %s was not submitted, error: %s": func(o *observer, v []any) {
		if err, is := v[1].(error); is {
			o.step("pool", "refused", host.F("reason", refusalOf(err)))
		}
	},
	"Got request from %d but the leader is %d, dropping request": func(o *observer, v []any) {
		o.step("pool", "refused", host.F("reason", "forwarded, but not the leader"), host.F("from", number(v, 0)))
	},
	"Got bad request from %d: %v": func(o *observer, v []any) {
		o.step("pool", "refused", host.F("reason", fmt.Sprint(v[1])), host.F("from", number(v, 0)))
	},
	"Stopped all timers: size=%d":   func(o *observer, v []any) { o.step("pool", "timersStopped", host.F("count", number(v, 0))) },
	"Restarted all timers: size=%d": func(o *observer, v []any) { o.step("pool", "timersRestarted", host.F("count", number(v, 0))) },
	"Pruned %d requests":            func(o *observer, v []any) { o.step("pool", "pruned", host.F("count", number(v, 0))) },

	// the normal case
	"Processed proposal with seq %d":              func(o *observer, v []any) { o.step("view", "prePrepared", o.at(number(v, 0))...) },
	"Processed prepares for proposal with seq %d": func(o *observer, v []any) { o.step("view", "prepared", o.at(number(v, 0))...) },
	"Deciding on seq %d":                          func(o *observer, v []any) { o.step("view", "deciding", o.at(number(v, 0))...) },
	"Node %d delivered proposal":                  func(o *observer, _ []any) { o.tellDelivered("controller") },
	"Delivering end to app from deliverDecision the last decision proposal": func(o *observer, _ []any) {
		o.tellDelivered("viewChanger")
	},
	"Delivering end to app from Decide the last decision proposal": func(o *observer, _ []any) { o.tellDelivered("viewChanger") },
	"Rotating leader from %d to %d": func(o *observer, v []any) {
		o.step("controller", "rotating", host.F("view", o.view), host.F("sequence", o.delivered.sequence), host.F("from", number(v, 0)), host.F("to", number(v, 1)))
	},
	"%d received bad proposal from %d: %v": func(o *observer, v []any) {
		o.step("view", "badProposal", host.F("view", o.view), host.F("leader", number(v, 1)), host.F("reason", fmt.Sprint(v[2])))
		o.complaint("badProposal", o.view, number(v, 1), false)
		o.syncRequested("bad proposal")
	},
	"%d got message %v from %d of view %d, expected view %d": (*observer).wrongView,
	"Got wrong digest at processPrepares for prepare with seq %d, expecting %v but got %v, we are in seq %d": func(o *observer, v []any) {
		o.step("view", "badVote", o.at(number(v, 3), host.F("reason", "Prepare with a wrong digest"))...)
	},
	"Got wrong digest at processCommits for seq %d": func(o *observer, v []any) {
		o.step("view", "badVote", o.at(number(v, 0), host.F("reason", "Commit with a wrong digest"))...)
	},
	"Couldn't verify %d's signature: %v": func(o *observer, v []any) {
		o.step("view", "badVote", host.F("from", number(v, 0)), host.F("reason", "Commit with a bad signature"))
	},
	"Seen %d votes for digest %s in view %d, sequence %d but I am in view %d and seq %d": func(o *observer, v []any) {
		o.step("view", "lagging", host.F("votes", number(v, 0)), host.F("view", number(v, 2)), host.F("sequence", number(v, 3)),
			host.F("ownView", number(v, 4)), host.F("ownSequence", number(v, 5)))
		o.syncRequested("others commit ahead")
	},

	// heartbeats
	"Sending heartbeat with view %d, sequence %d": func(o *observer, v []any) {
		o.step("heartbeatMonitor", "heartbeatSent", host.F("view", number(v, 0)), host.F("sequence", number(v, 1)))
	},
	"Heartbeat timeout (%v) from %d expired; last heartbeat was observed %s ago": func(o *observer, v []any) {
		o.step("heartbeatMonitor", "heartbeatTimeout", host.F("view", o.monitorView), host.F("leader", number(v, 1)))
	},
	"Heartbeat timeout expired, complaining about leader: %d": func(o *observer, v []any) {
		o.complaint("heartbeat", o.view, number(v, 0), true)
	},
	"Changing to %s role, current view: %d, current leader: %d": func(o *observer, v []any) {
		o.monitorView = number(v, 1)
		o.step("heartbeatMonitor", "role", host.F("role", fmt.Sprint(v[0])), host.F("view", number(v, 1)), host.F("leader", number(v, 2)))
	},
	"Changing role to follower without change current view and current leader": func(o *observer, _ []any) {
		o.step("heartbeatMonitor", "heartbeatsStopped", host.F("view", o.monitorView), host.F("leader", o.self))
	},
	"Syncing since the follower with seq %d is behind the leader for the last %d ticks": asks("behind the leader by one for too many ticks"),
	"Heartbeat view is bigger than expected, syncing and ignoring; expected-view=%d, received-view: %d": asks(
		"heartbeat of a higher view"),
	"Heartbeat sequence is bigger than expected, leader's sequence is %d and ours is %d, syncing and ignoring": asks("heartbeat far ahead"),
	"Received HeartBeatResponse triggered a call to HeartBeatEventHandler Sync, view: %d":                      asks("deposed, by heartbeat responses"),
}

func asks(reason string) func(*observer, []any) {
	return func(o *observer, _ []any) { o.syncRequested(reason) }
}

func (o *observer) syncRequested(reason string) {
	o.step("controller", "syncRequested", host.F("reason", reason))
}

func (o *observer) complaint(reason string, view, leader uint64, stopView bool) {
	o.step("controller", "complaint", host.F("reason", reason), host.F("view", view), host.F("leader", leader), host.F("stopView", stopView))
}

func (o *observer) requestTimeout(step string, info any, leader uint64) {
	o.step("pool", step, append(requestFacts(info), host.F("leader", leader), host.F("isLeader", leader == o.self))...)
}

func requestFacts(info any) []host.Fact {
	switch info := info.(type) {
	case types.RequestInfo:
		return []host.Fact{host.F("clientId", info.ClientID), host.F("requestId", info.ID)}
	case *types.RequestInfo:
		return []host.Fact{host.F("clientId", info.ClientID), host.F("requestId", info.ID)}
	}
	return nil
}

// tellRestored is told once: three routines look into the log at start.
func (o *observer) tellRestored(from string, facts ...host.Fact) {
	if o.restored || from == "" {
		return
	}
	o.restored = true
	o.step("state", "restored", append([]host.Fact{host.F("from", from)}, facts...)...)
}

func (o *observer) restoredIn(from string) {
	if o.restoring {
		o.tellRestored(from)
	}
}

func (o *observer) tellDelivered(component string) {
	d := o.delivered
	o.step(component, "delivered", host.F("view", d.view), host.F("sequence", d.sequence), host.F("count", d.count))
}

func (o *observer) viewStarting(v []any) {
	view, sequence, decisions := number(v, 0), number(v, 1), number(v, 2)
	o.view, o.leader, o.running = view, o.leaderOf(view, decisions), true
	o.step("controller", "viewStarting", host.F("view", view), host.F("sequence", sequence), host.F("decisions", decisions), host.F("leader", o.leader))
}

// wrongView: from the leader it is a reason to complain, and to sync when its view is higher (smartbft.md section 6.1).
func (o *observer) wrongView(v []any) {
	from, got, expected := number(v, 2), number(v, 3), number(v, 4)
	if from != o.leader || expected != o.view {
		return
	}
	o.complaint("wrongView", expected, from, false)
	if got > expected {
		o.syncRequested("leader in a higher view")
	}
}

// number is a value of a log line. The library counts in uint64 and int.
func number(values []any, index int) uint64 {
	if index >= len(values) {
		return 0
	}
	switch value := values[index].(type) {
	case uint64:
		return value
	case int:
		return uint64(max(value, 0))
	}
	return 0
}
