package orderer

import (
	"fmt"
	"strings"

	"testbed/interop/host"
)

// The lines of a view change and of a sync. Values begin with the node's own id.
var viewChangeSteps = map[string]func(o *observer, values []any){
	"Node %d started view change, last view is %d": func(o *observer, v []any) {
		o.nextView = number(v, 1) + 1
		o.step("viewChanger", "viewChangeStarted", host.F("view", number(v, 1)), host.F("nextView", o.nextView))
	},
	"Node %d is joining view change, last view is %d": func(o *observer, v []any) {
		o.nextView = number(v, 1) + 1
		o.step("viewChanger", "viewChangeJoined", host.F("view", number(v, 1)), host.F("nextView", o.nextView))
	},
	"Node %d resent a view change message with next view %d": func(o *observer, v []any) {
		o.step("viewChanger", "viewChangeResent", host.F("nextView", number(v, 1)))
	},
	"Node %d got a view change timeout, the current view is %d": func(o *observer, v []any) {
		o.step("viewChanger", "viewChangeTimeout", host.F("view", number(v, 1)))
	},
	"Node %d is calling sync because it got a view change timeout": asks("view change timeout"),
	"Node %d sent view data msg, with next view %d, to the new leader %d": func(o *observer, v []any) {
		o.nextView = number(v, 1)
		o.step("viewChanger", "viewDataSent", host.F("nextView", number(v, 1)), host.F("leader", number(v, 2)))
	},
	"Node %d got %s from %d, and the in flight proposal is valid": func(o *observer, v []any) {
		o.step("viewChanger", "viewDataAccepted", host.F("from", number(v, 2)), host.F("nextView", o.nextView))
	},
	"Node %d got a quorum of viewData messages": func(o *observer, _ []any) {
		o.step("viewChanger", "viewDataQuorum", host.F("nextView", o.nextView))
	},
	"Node %d is broadcasting a new view msg": func(o *observer, _ []any) {
		o.step("viewChanger", "newViewSent", host.F("view", o.nextView))
	},

	// view data refused: the line that refuses says less than the one before it
	"Node %d got %v from %d, but the check of the last decision didn't pass": func(o *observer, v []any) {
		o.viewDataRefused(number(v, 2), o.detail)
	},
	"Node %d got %v from %d, but the in flight proposal is invalid, reason: %v": func(o *observer, v []any) {
		o.viewDataRefused(number(v, 2), fmt.Sprint(v[3]))
	},
	"Node %d got %s from %d, but %d is not the next leader of view %d": func(o *observer, v []any) {
		o.viewDataRefused(number(v, 2), "not the next leader")
	},
	"Node %d got %s from %d, but %d is in view %d": func(o *observer, v []any) {
		o.viewDataRefused(number(v, 2), fmt.Sprintf("for another view than %d", number(v, 4)))
	},

	// a new view
	"Node %d found a quorum of valid view data messages within the new view message": func(o *observer, _ []any) {
		o.step("viewChanger", "newViewAccepted", host.F("view", o.nextView))
	},
	"Node %d is processing a newView message, but the message is invalid":              refusesView("the message is invalid"),
	"The check of the in flight proposal by node %d did not pass":                      refusesView("in-flight proposals disagree"),
	"Node %d is processing a newView message, and requested a sync":                    (*observer).newViewAhead,
	"Node %d got newView message %v from %d, expected sender to be %d the next leader": refusesView("from another than the next leader"),
	"Node %d was informed of a new view %d": func(o *observer, v []any) {
		o.step("viewChanger", "viewLearnt", host.F("view", number(v, 1)))
	},
	"ViewChanged, the new view is %d": func(o *observer, v []any) {
		o.step("controller", "viewInstalled", host.F("view", number(v, 0)))
	},

	// what was in flight
	"Node %d is creating a view %d for the in flight proposal": func(o *observer, v []any) {
		// It is the one after the last decision, or the library would have given up.
		o.inFlight = delivery{view: number(v, 1), sequence: o.delivered.sequence + 1}
	},
	"Waiting two ticks before starting in-flight view":     func(o *observer, _ []any) { o.tellInFlight("inFlightWaiting") },
	"Node %d started a view %d for the in flight proposal": func(o *observer, _ []any) { o.tellInFlight("inFlightStarted") },
	"In-flight view %d with latest sequence %d has committed a decision": func(o *observer, _ []any) {
		o.tellInFlight("inFlightCommitted")
	},
	"In-flight view %d with latest sequence %d has asked to sync": func(o *observer, _ []any) {
		o.tellInFlight("inFlightFailed", host.F("reason", "asked to sync"))
	},
	"Timeout expired waiting on In-flight %d with latest sequence view to commit %d": func(o *observer, _ []any) {
		o.tellInFlight("inFlightFailed", host.F("reason", "timeout"))
	},
	"Node %d is calling sync because the in flight proposal view has asked to sync": asks("in-flight view lags"),

	// views that end, and syncs
	"Aborting current view with number %d": func(o *observer, v []any) {
		if o.running {
			o.running = false
			o.step("controller", "viewAborted", host.F("view", number(v, 0)))
		}
	},
	"get msg from syncChan": func(o *observer, _ []any) {
		o.syncing, o.synced.view, o.synced.nothing = true, o.view, false
		o.step("controller", "syncStarted")
	},
	"Synchronizer returned with view number %d while the controller is at view number %d": func(o *observer, v []any) {
		o.synced.view = number(v, 0)
	},
	"Node %d collected state with view %d and sequence %d": func(o *observer, v []any) { o.synced.view = number(v, 1) },
	"view and seq is zero":                                 func(o *observer, _ []any) { o.synced.nothing = true },
	// The first line of every change of view: a sync that was under way is over (one goroutine does both).
	"view for abort %d, current view %d":                func(o *observer, _ []any) { o.syncEnded() },
	"Got view change to %d but view is already running": func(o *observer, _ []any) { o.syncEnded() },
	"Got view change to %d but already at %d":           func(o *observer, _ []any) { o.syncEnded() },
	"Node %d collected a valid state: view - %d and seq - %d": func(o *observer, v []any) {
		o.step("collector", "stateCollected", host.F("view", number(v, 1)), host.F("sequence", number(v, 2)))
	},
	"Node %d reached the state collector timeout": func(o *observer, _ []any) { o.step("collector", "stateTimeout") },
}

// details are the lines that say why the last decision in view data was not accepted.
var details = []string{
	"Node %d got %s from %d, but the last decision is not set",
	"Node %d got %s from %d, but the last decision seq (0) is lower than this node's current sequence %d",
	"Node %d got %s from %d, but the last decision view %d is greater or equal to requested next view %d",
	"Node %d got %s from %d, but the last decision seq %d is greater than this node's current sequence %d",
	"Node %d got %s from %d, but the last decision seq %d is lower than this node's current sequence %d",
	"Node %d got %s from %d, but signer %d is not the sender %d",
	"Node %d got %s from %d, but signature is invalid, error: %v",
	"Node %d got %s from %d, they are at the same sequence but the last decisions are not equal",
	"Node %d got %s from %d, the last decision sequence is not equal to this node's sequence + 1",
	"Node %d got %s from %d, but the last decision is invalid, reason: %v",
}

func init() {
	for template, step := range viewChangeSteps {
		steps[template] = step
	}
	for _, template := range details {
		_, reason, _ := strings.Cut(template, "from %d, ")
		reason = strings.TrimPrefix(reason, "but ")
		steps[template] = func(o *observer, v []any) { o.detail = fmt.Sprintf(reason, v[3:]...) }
	}
}

func refusesView(reason string) func(*observer, []any) {
	return func(o *observer, _ []any) {
		o.step("viewChanger", "newViewRefused", host.F("view", o.nextView), host.F("reason", reason))
	}
}

func (o *observer) newViewAhead(_ []any) {
	o.syncRequested("NewView with decisions far ahead")
	o.step("viewChanger", "newViewRefused", host.F("view", o.nextView), host.F("reason", "decisions far ahead"))
}

func (o *observer) viewDataRefused(from uint64, reason string) {
	o.step("viewChanger", "viewDataRefused", host.F("from", from), host.F("reason", reason))
}

func (o *observer) tellInFlight(step string, more ...host.Fact) {
	facts := []host.Fact{host.F("view", o.inFlight.view), host.F("sequence", o.inFlight.sequence)}
	o.step("viewChanger", step, append(facts, more...)...)
}

func (o *observer) syncEnded() {
	if !o.syncing {
		return
	}
	o.syncing = false
	outcome, view := "continue", o.synced.view
	if o.synced.nothing {
		outcome, view = "nothing", o.view
	}
	o.step("controller", "syncEnded", host.F("view", view), host.F("sequence", o.delivered.sequence+1), host.F("outcome", outcome))
}
