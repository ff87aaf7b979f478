// Command interop is an orderer of this project with the Go library SmartBFT inside: `interop CONFIG.json`. Exit codes are
// those of src/node: 0 stopped when asked, 2 the configuration is wrong, 4 something failed (told on stderr and as an event).
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"testbed/interop/host"
	"testbed/interop/orderer"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "Start an orderer: expected one argument, the path of its configuration")
		os.Exit(2)
	}
	config, err := host.ReadConfig(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := run(config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(4)
	}
}

// run is the life of the process: control socket first, so that nothing it does goes untold; then the orderer; `ready`
// when it serves; SIGTERM, SIGINT or the control message `stop` end it in reverse.
func run(config *host.Config) error {
	log := host.NewLog(config.Name)
	end := make(chan error, 1)
	stop := func(err error) {
		select {
		case end <- err:
		default:
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		stop(nil)
	}()
	var running atomic.Pointer[orderer.Orderer]
	control, err := host.ListenControl(config.ControlSocket, log, func(verb string) ([]host.Fact, error) {
		return answer(verb, running.Load(), func() { stop(nil) })
	})
	if err != nil {
		return err
	}
	defer control.Close()
	tell := func(state, detail string) {
		log.Emit("process", host.F("process", "orderer"), host.F("pid", os.Getpid()), host.F("state", state), host.F("detail", detail))
	}
	tell("started", "")
	started, err := orderer.Start(config, log, func(text string) { stop(fmt.Errorf("%s", text)) })
	if err == nil {
		running.Store(started)
		tell("ready", started.Detail)
		err = <-end
	}
	if err != nil {
		tell("ended", err.Error())
		return err // what failed may hold locks: nothing is asked to stop
	}
	started.Close()
	tell("ended", "")
	return nil
}

func answer(verb string, running *orderer.Orderer, stop func()) ([]host.Fact, error) {
	switch verb {
	case "clock":
		return []host.Fact{host.F("at", host.Now())}, nil
	case "stop":
		stop()
		return nil, nil
	case "status":
		facts := []host.Fact{host.F("pid", os.Getpid()), host.F("ready", running != nil)}
		if running != nil {
			facts = append(facts, running.Status()...)
		}
		return facts, nil
	case "start-workload", "stop-workload", "peer-source", "misbehave":
		return nil, fmt.Errorf("Asked to %q: this kind of node does not do it, or is not ready", verb)
	}
	return nil, fmt.Errorf("Asked to %q: this node does not know it", verb)
}
