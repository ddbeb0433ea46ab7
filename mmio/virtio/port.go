// SPDX-License-Identifier: Apache-2.0

package virtio

// portChunk is how many bytes of the guest's output OnReceive gets at most. Linux
// writes up to 32 KiB at once.
const portChunk = 32 << 10

// Port is the host's end of a console port: a bidirectional byte stream. Everything
// happens on the machine's goroutine, and nothing blocks. The functions must be
// set before the machine runs; those left nil are not called. They may call the
// port's methods.
type Port struct {
	// OnReceive gets bytes that the guest wrote and returns how many it took; p
	// is valid during the call. Taking less than all stalls the guest's output
	// until Resume. Nil discards the output. Linux spins while the output of a
	// console port is stalled, and sleeps for other ports.
	OnReceive func(p []byte) int
	// OnOpen is called when the guest opens or closes its end, and with false
	// when the device is reset while the guest has it open.
	OnOpen func(open bool)
	// OnRoom is called when the guest may take data again after Send has taken
	// less than it was given.
	OnRoom func()

	console  *Console
	id       uint32
	cfg      PortConfig
	rx, tx   *queue // to and from the guest
	ready    bool   // the driver has added the port
	hostOpen bool
	open     bool // the guest's end
	pending  pendingSet
	wantRoom bool

	input chain // for Send

	output   chain // the chain being delivered, if held
	held     bool
	at       cursor // its next byte
	left     uint32 // and how many bytes there are from there on
	stalled  bool   // OnReceive did not take all
	draining bool
	chunk    [portChunk]byte
}

// Name is the port's configured name.
func (p *Port) Name() string { return p.cfg.Name }

// GuestOpen tells whether the guest has its end open.
func (p *Port) GuestOpen() bool { return p.open }

// Open opens or closes the host's end. While it is closed, the guest's reads end
// (once it has read everything sent), its writes block, and what it has already
// written is discarded. Ports start open.
func (p *Port) Open(open bool) {
	if p.hostOpen == open {
		return
	}
	p.hostOpen = open
	if p.ready {
		p.pending |= sendOpen
		p.console.sendControl()
	}
	p.Resume()
}

// Send gives bytes to the guest and returns how many fitted into the buffers that
// its driver has provided: none while the guest has its end closed, because Linux
// discards what it gets then. If that is not all, OnRoom follows when sending the
// rest can succeed.
func (p *Port) Send(data []byte) int {
	n := 0
	for p.open && n < len(data) && p.rx.pop(&p.input) {
		if p.input.readLen > 0 {
			p.rx.bad("port-receive-buffer", uint64(p.input.readLen))
			break
		}
		part := data[n:min(n+int(p.input.writeLen), len(data))]
		out := p.input.writeStart()
		if !p.rx.write(&p.input, &out, part) {
			break
		}
		p.rx.push(p.input.head, uint32(len(part)))
		n += len(part)
	}
	p.rx.flush()
	p.wantRoom = n < len(data)
	return n
}

// Resume continues the guest's output after OnReceive has taken less than all.
// Calling it from within OnReceive has no effect.
func (p *Port) Resume() {
	if p.draining {
		return
	}
	p.stalled = false
	p.drain()
}

// room tells a disappointed sender that there may be new receive buffers.
func (p *Port) room() {
	if p.wantRoom && p.open && p.OnRoom != nil {
		p.wantRoom = false
		p.OnRoom()
	}
}

// setGuestOpen records whether the guest has its end open.
func (p *Port) setGuestOpen(open bool) {
	if p.open == open {
		return
	}
	p.open = open
	if p.OnOpen != nil {
		p.OnOpen(open)
	}
	p.room()
}

// drain delivers the guest's output until there is none or OnReceive stalls it.
// Chains that are not delivered stay in the ring, so that the guest's writers wait.
func (p *Port) drain() {
	if p.draining {
		return
	}
	p.draining = true
	for !p.stalled && p.tx.live() && (p.held || p.take()) {
		if !p.deliver() {
			break
		}
	}
	p.draining = false
	p.tx.flush()
}

// take fetches the next chain of output.
func (p *Port) take() bool {
	if !p.tx.pop(&p.output) {
		return false
	}
	if p.output.writeLen > 0 {
		return p.tx.bad("port-transmit-buffer", uint64(p.output.writeLen))
	}
	p.held, p.at, p.left = true, p.output.readStart(), p.output.readLen
	return true
}

// deliver passes on one chunk of the held chain, and returns the chain when it is
// used up. False means that the device has stopped.
func (p *Port) deliver() bool {
	n := p.left
	if p.hostOpen && p.OnReceive != nil {
		part := p.chunk[:min(n, portChunk)]
		from := p.at
		if !p.tx.read(&p.output, &from, part) {
			return false
		}
		n = uint32(p.OnReceive(part)) // which may well close the port
		if n > uint32(len(part)) {
			panic("BUG: OnReceive took more than it was given")
		}
		p.stalled = n < uint32(len(part)) && p.hostOpen
	}
	if !p.held {
		return true // OnReceive reset the device
	}
	p.left -= n
	if p.left == 0 {
		p.held = false
		p.tx.push(p.output.head, 0)
		return true
	}
	for n > 0 {
		_, step := p.output.next(&p.at, n)
		n -= step
	}
	return true
}

// dropHeld forgets the chain being delivered.
func (p *Port) dropHeld() { p.held, p.stalled = false, false }
