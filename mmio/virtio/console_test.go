// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// consoleGuest behaves as drivers/char/virtio_console.c does.
type consoleGuest struct {
	*guest
	dev    *Console
	rx, tx []*vq // by port
	crx    *vq   // control queues
	ctx    *vq
	bufs   map[*vq]map[uint16]span // receive buffers by head
	sizes  map[*vq]int             // of a queue's receive buffers
	msg    mmio.IOVA               // for control messages
	out    mmio.IOVA               // for output, a ring of outSize bytes
	outPos int
	log    []string // control messages, as text
	opens  []bool   // OnOpen calls of port 0
}

const (
	consoleTestQueue = 8
	consoleTestBuf   = 64
	outSize          = 128 << 10 // more than a test has in flight
)

func newConsoleGuest(t testing.TB, features uint64, ports ...PortConfig) *consoleGuest {
	t.Helper()
	env := mmiotest.NewEnv()
	c := &consoleGuest{bufs: map[*vq]map[uint16]span{}, sizes: map[*vq]int{}}
	c.dev = NewConsole(ConsoleConfig{Config: testConfig(env), Ports: ports, Cols: 132, Rows: 43})
	c.dev.Port(0).OnOpen = func(open bool) { c.opens = append(c.opens, open) }
	c.guest = newGuest(t, env, c.dev)
	c.start(features)
	return c
}

// start initialises the device as the driver's probe does.
func (c *consoleGuest) start(features uint64) {
	c.t.Helper()
	c.negotiate(features)
	c.rx, c.tx, c.log = nil, nil, nil
	n := 1
	if features&consoleFeatMultiport != 0 {
		n = c.dev.Ports()
		c.bench.Want("max_nr_ports", uint64(n))
		c.crx, c.ctx = c.queue(consoleControlRX, consoleTestQueue), c.queue(consoleControlTX, consoleTestQueue)
		c.sizes[c.crx] = 512
	}
	for i := range n {
		rx, tx := portQueues(i)
		c.rx = append(c.rx, c.queue(rx, consoleTestQueue))
		c.tx = append(c.tx, c.queue(tx, consoleTestQueue))
		c.sizes[c.rx[i]] = consoleTestBuf
	}
	c.msg, c.out, c.outPos = c.alloc(controlSize, 8), c.alloc(outSize, 4096), 0
	c.ready()
}

// refill publishes one receive buffer.
func (c *consoleGuest) refill(v *vq) {
	c.t.Helper()
	n := c.sizes[v]
	if c.bufs[v] == nil {
		c.bufs[v] = map[uint16]span{}
	}
	d := v.free[len(v.free)-1]
	if c.bufs[v][d].n == 0 {
		c.bufs[v][d] = span{c.alloc(n, 16), n}
	}
	v.add(nil, []span{c.bufs[v][d]})
	v.kick()
}

// received takes what has arrived on a queue and gives the buffers back.
func (c *consoleGuest) received(v *vq) [][]byte {
	c.t.Helper()
	var all [][]byte
	for {
		head, n, ok := v.done()
		if !ok {
			return all
		}
		all = append(all, bytes.Clone(c.bytes(c.bufs[v][head].at, int(n))))
		c.refill(v)
	}
}

// text is what has arrived on a port.
func (c *consoleGuest) text(port int) string {
	c.t.Helper()
	return string(bytes.Join(c.received(c.rx[port]), nil))
}

// say sends a control message.
func (c *consoleGuest) say(port uint32, event, value uint16) {
	c.t.Helper()
	m := c.bytes(c.msg, controlSize)
	binary.LittleEndian.PutUint32(m, port)
	binary.LittleEndian.PutUint16(m[4:], event)
	binary.LittleEndian.PutUint16(m[6:], value)
	c.ctx.add([]span{{c.msg, controlSize}}, nil)
	c.ctx.kick()
	c.ctx.must()
}

// write sends data on a port, as one chain of these parts.
func (c *consoleGuest) write(port int, parts ...string) {
	c.t.Helper()
	var out []span
	for _, p := range parts {
		if c.outPos+len(p) > outSize {
			c.outPos = 0
		}
		s := span{c.out + mmio.IOVA(c.outPos), len(p)}
		copy(c.bytes(s.at, s.n), p)
		c.outPos += s.n
		out = append(out, s)
	}
	c.tx[port].add(out, nil)
	c.tx[port].kick()
}

// hear processes control messages until there are no more, answering as Linux does.
func (c *consoleGuest) hear() {
	c.t.Helper()
	for {
		msgs := c.received(c.crx)
		if len(msgs) == 0 {
			return
		}
		for _, m := range msgs {
			port, event := binary.LittleEndian.Uint32(m), binary.LittleEndian.Uint16(m[4:])
			value, rest := binary.LittleEndian.Uint16(m[6:]), m[8:]
			switch event {
			case controlPortAdd:
				c.log = append(c.log, fmt.Sprintf("add %d", port))
				for range consoleTestQueue {
					c.refill(c.rx[port])
				}
				c.say(port, controlPortReady, 1)
			case controlConsolePort:
				c.log = append(c.log, fmt.Sprintf("console %d", port))
				c.say(port, controlPortOpen, 1)
			case controlPortName:
				c.log = append(c.log, fmt.Sprintf("name %d %s", port, rest))
			case controlResize:
				c.log = append(c.log, fmt.Sprintf("resize %d %dx%d", port,
					binary.LittleEndian.Uint16(rest), binary.LittleEndian.Uint16(rest[2:])))
			case controlPortOpen:
				c.log = append(c.log, fmt.Sprintf("open %d %d", port, value))
			default:
				c.t.Errorf("unexpected control event %d", event)
			}
		}
	}
}

// handshake brings all ports up.
func (c *consoleGuest) handshake() {
	c.t.Helper()
	for range consoleTestQueue {
		c.refill(c.crx)
	}
	c.say(0, controlDeviceReady, 1)
	c.hear()
}

func newAgentGuest(t testing.TB) *consoleGuest {
	t.Helper()
	c := newConsoleGuest(t, allFeatures, PortConfig{Console: true}, PortConfig{Name: "vdev.agent"})
	c.handshake()
	return c
}

func TestConsoleRegisterTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice {
		return NewConsole(ConsoleConfig{Config: testConfig(env), Ports: []PortConfig{{}, {}}})
	})
}

func TestConsoleHandshake(t *testing.T) {
	c := newAgentGuest(t)
	want := []string{
		"add 0", "add 1",
		"console 0", "resize 0 132x43", "open 0 1",
		"name 1 vdev.agent", "open 1 1",
	}
	if !reflect.DeepEqual(c.log, want) {
		t.Errorf("got  %q\nwant %q", c.log, want)
	}
	if !reflect.DeepEqual(c.opens, []bool{true}) {
		t.Errorf("port 0 open calls %v", c.opens)
	}
	if c.dev.PortByName("vdev.agent") != c.dev.Port(1) || c.dev.PortByName("nobody") != nil {
		t.Error("PortByName finds the wrong port")
	}
	c.noEvents()
}

func TestConsoleHandshakeWithOneControlBuffer(t *testing.T) {
	// Messages wait for buffers.
	c := newConsoleGuest(t, allFeatures, PortConfig{Console: true}, PortConfig{Name: "vdev.agent"})
	c.say(0, controlDeviceReady, 1)
	c.refill(c.crx)
	c.hear()
	if got, want := len(c.log), 7; got != want {
		t.Errorf("%d messages, want %d: %q", got, want, c.log)
	}
	c.noEvents()
}

func TestConsoleData(t *testing.T) {
	c := newAgentGuest(t)
	agent := c.dev.PortByName("vdev.agent")
	var got bytes.Buffer
	agent.OnReceive = func(p []byte) int { got.Write(p); return len(p) }
	if n := agent.Send([]byte("early")); n != 0 {
		t.Errorf("Send to a closed port took %d bytes", n)
	}
	c.say(1, controlPortOpen, 1)
	if !agent.GuestOpen() {
		t.Error("guest end is not open")
	}
	if n := agent.Send([]byte("hello")); n != 5 {
		t.Errorf("Send took %d bytes", n)
	}
	if s := c.text(1); s != "hello" {
		t.Errorf("guest got %q", s)
	}
	if c.ack()&interruptUsed == 0 {
		t.Error("no interrupt for received data")
	}
	c.write(1, "wor", "ld")
	c.tx[1].must()
	long := strings.Repeat("0123456789", 8000)
	c.write(1, long)
	c.tx[1].must()
	if got.String() != "world"+long {
		t.Errorf("host got %d bytes", got.Len())
	}
	// Port 0 has nobody listening: output is discarded and returned.
	c.write(0, "boot messages")
	c.tx[0].must()
	c.noEvents()
}

func TestConsoleSendFlowControl(t *testing.T) {
	c := newAgentGuest(t)
	agent := c.dev.Port(1)
	c.say(1, controlPortOpen, 1)
	message := strings.Repeat("abcdefghij", 500)
	todo, got := message, ""
	rooms := 0
	push := func() { todo = todo[agent.Send([]byte(todo)):] }
	agent.OnRoom = func() { rooms++; push() }
	push()
	if sent := len(message) - len(todo); sent != consoleTestQueue*consoleTestBuf {
		t.Errorf("sent %d bytes at first", sent)
	}
	for len(got) < len(message) {
		s := c.text(1)
		if s == "" {
			t.Fatalf("stuck after %d bytes", len(got))
		}
		got += s
	}
	if got != message || rooms == 0 {
		t.Errorf("wrong data, %d calls of OnRoom", rooms)
	}
	c.noEvents()
}

func TestConsoleOnRoomAfterOpen(t *testing.T) {
	c := newAgentGuest(t)
	agent := c.dev.Port(1)
	var calls []string
	agent.OnOpen = func(open bool) { calls = append(calls, fmt.Sprint("open ", open)) }
	agent.OnRoom = func() { calls = append(calls, "room") }
	agent.Send([]byte("too early"))
	c.say(1, controlPortOpen, 1)
	c.say(1, controlPortOpen, 0)
	c.say(1, controlPortOpen, 1)
	if want := []string{"open true", "room", "open false", "open true"}; !reflect.DeepEqual(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
}

func TestConsoleReceiveFlowControl(t *testing.T) {
	c := newAgentGuest(t)
	agent := c.dev.Port(1)
	c.say(1, controlPortOpen, 1)
	var got bytes.Buffer
	room := 4
	agent.OnReceive = func(p []byte) int {
		n := min(room, len(p))
		got.Write(p[:n])
		room -= n
		return n
	}
	c.write(1, "first", " second")
	c.write(1, " third")
	if _, _, ok := c.tx[1].done(); ok || got.String() != "firs" {
		t.Fatalf("host took %q", got.String())
	}
	for range 100 {
		if got.Len() == len("first second third") {
			break
		}
		room = 3
		agent.Resume()
	}
	if got.String() != "first second third" {
		t.Errorf("host got %q", got.String())
	}
	c.tx[1].must()
	c.tx[1].must()
	// And it goes on: the driver's next kick is not suppressed for ever.
	room = 100
	c.write(1, "!")
	c.tx[1].must()
	c.noEvents()
}

func TestConsoleHostClosesWhileReceiving(t *testing.T) {
	c := newAgentGuest(t)
	agent := c.dev.Port(1)
	calls := 0
	agent.OnReceive = func([]byte) int {
		calls++
		agent.Open(false)
		return 1
	}
	c.write(1, "one")
	c.write(1, "two")
	c.tx[1].must()
	c.tx[1].must()
	if calls != 1 {
		t.Errorf("%d deliveries to a closed port", calls)
	}
	c.noEvents()
}

func TestConsoleDeviceFailsWhileStalled(t *testing.T) {
	c := newAgentGuest(t)
	agent := c.dev.Port(1)
	agent.OnReceive = func([]byte) int { return 0 }
	c.write(1, "stalled")
	c.tx[0].publish(consoleTestQueue)
	c.tx[0].kick()
	c.wantBroken(mmio.EventBadDescriptor, "desc-index")
	agent.OnReceive = func([]byte) int {
		t.Error("a stopped device delivers")
		return 0
	}
	agent.Resume()
}

func TestConsoleHostClose(t *testing.T) {
	c := newAgentGuest(t)
	agent := c.dev.Port(1)
	c.say(1, controlPortOpen, 1)
	agent.OnReceive = func([]byte) int { return 0 }
	c.write(1, "stalled")
	c.log = nil
	agent.Open(false)
	c.tx[1].must() // discarded
	agent.Open(true)
	c.hear()
	if want := []string{"open 1 0", "open 1 1"}; !reflect.DeepEqual(c.log, want) {
		t.Errorf("got %q, want %q", c.log, want)
	}
	c.noEvents()
}

func TestConsoleResize(t *testing.T) {
	c := newAgentGuest(t)
	c.log = nil
	generation := c.bench.Read("ConfigGeneration")
	c.dev.Resize(80, 25)
	c.bench.Want("cols", 80)
	c.bench.Want("rows", 25)
	if v, ok := c.bench.Raw(configSpace, 4); !ok || v != 25<<16|80 {
		t.Errorf("cols and rows read as %#x", v)
	}
	if c.bench.Read("ConfigGeneration") == generation {
		t.Error("ConfigGeneration did not change")
	}
	if c.ack()&interruptConfig == 0 {
		t.Error("no configuration interrupt")
	}
	c.hear()
	if want := []string{"resize 0 80x25"}; !reflect.DeepEqual(c.log, want) {
		t.Errorf("got %q, want %q", c.log, want)
	}
	c.noEvents()
}

func TestConsoleWithoutMultiport(t *testing.T) {
	c := newConsoleGuest(t, allFeatures&^consoleFeatMultiport, PortConfig{Console: true}, PortConfig{Name: "vdev.agent"})
	var got bytes.Buffer
	port := c.dev.Port(0)
	port.OnReceive = func(p []byte) int { got.Write(p); return len(p) }
	c.refill(c.rx[0])
	if port.Send([]byte("in")) != 2 || c.text(0) != "in" {
		t.Error("input lost")
	}
	c.write(0, "out")
	if got.String() != "out" {
		t.Errorf("host got %q", got.String())
	}
	c.noEvents()
}

func TestConsoleReset(t *testing.T) {
	c := newAgentGuest(t)
	agent := c.dev.Port(1)
	agent.OnReceive = func([]byte) int { return 0 }
	c.write(1, "stalled")
	c.bench.Write("Status", 0)
	if want := []bool{true, false}; !reflect.DeepEqual(c.opens, want) {
		t.Errorf("open calls %v, want %v", c.opens, want)
	}
	agent.Resume()
	if n := agent.Send([]byte("x")); n != 0 {
		t.Errorf("Send after reset took %d", n)
	}
	// A second driver, as after kexec.
	var got bytes.Buffer
	agent.OnReceive = func(p []byte) int { got.Write(p); return len(p) }
	c.bufs = map[*vq]map[uint16]span{}
	c.start(allFeatures)
	c.handshake()
	c.write(1, "again")
	c.tx[1].must()
	if got.String() != "again" {
		t.Errorf("host got %q", got.String())
	}
	c.noEvents()
}

func TestConsoleBadControl(t *testing.T) {
	t.Run("unknown port", func(t *testing.T) {
		c := newAgentGuest(t)
		c.say(2, controlPortOpen, 1)
		if c.env.Events.Count(mmio.EventBadValue, "control-port") != 1 {
			t.Errorf("events %v", c.env.Events.List)
		}
	})
	t.Run("unknown event", func(t *testing.T) {
		c := newAgentGuest(t)
		c.say(0, 99, 1)
		if c.env.Events.Count(mmio.EventBadValue, "control-event") != 1 {
			t.Errorf("events %v", c.env.Events.List)
		}
	})
	t.Run("short message", func(t *testing.T) {
		c := newAgentGuest(t)
		c.ctx.add([]span{{c.out, 7}}, nil)
		c.ctx.kick()
		c.wantBroken(mmio.EventBadDescriptor, "control-message")
	})
	t.Run("small buffer", func(t *testing.T) {
		c := newConsoleGuest(t, allFeatures, PortConfig{Console: true})
		c.sizes[c.crx] = 7
		c.refill(c.crx)
		c.say(0, controlDeviceReady, 1)
		c.wantBroken(mmio.EventBadDescriptor, "control-buffer")
	})
	t.Run("writable output", func(t *testing.T) {
		c := newAgentGuest(t)
		c.tx[0].add(nil, []span{{c.out, 8}})
		c.tx[0].kick()
		c.wantBroken(mmio.EventBadDescriptor, "port-transmit-buffer")
	})
	t.Run("readable input", func(t *testing.T) {
		c := newConsoleGuest(t, allFeatures&^consoleFeatMultiport, PortConfig{Console: true})
		c.rx[0].add([]span{{c.out, 8}}, nil)
		c.dev.Port(0).Send([]byte("x"))
		c.wantBroken(mmio.EventBadDescriptor, "port-receive-buffer")
	})
}

// TestConsoleStreams sends random pieces both ways over a sink and a guest that take
// random amounts; both streams must come out as they went in.
func TestConsoleStreams(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newAgentGuest(t)
		agent := c.dev.Port(1)
		c.say(1, controlPortOpen, 1)
		var toHost, atHost, toGuest, atGuest []byte
		budget := 0
		agent.OnReceive = func(p []byte) int {
			n := min(budget, len(p))
			budget -= n
			atHost = append(atHost, p[:n]...)
			return n
		}
		var unsent []byte
		push := func() { unsent = unsent[agent.Send(unsent):] }
		agent.OnRoom = push
		next := byte(0)
		piece := func(n int) []byte {
			p := make([]byte, n)
			for i := range p {
				p[i] = next
				next += 7
			}
			return p
		}
		reap := func() {
			for {
				if _, _, ok := c.tx[1].done(); !ok {
					return
				}
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"guest writes": func(rt *rapid.T) {
				reap()
				if len(c.tx[1].free) < consoleTestQueue/2 {
					return
				}
				p := piece(rapid.IntRange(1, 50).Draw(rt, "n"))
				toHost = append(toHost, p...)
				if cut := rapid.IntRange(0, len(p)-1).Draw(rt, "cut"); cut > 0 {
					c.write(1, string(p[:cut]), string(p[cut:]))
				} else {
					c.write(1, string(p))
				}
			},
			"host takes": func(rt *rapid.T) {
				budget = rapid.IntRange(0, 80).Draw(rt, "budget")
				agent.Resume()
			},
			"host sends": func(rt *rapid.T) {
				p := piece(rapid.IntRange(1, 200).Draw(rt, "n"))
				toGuest = append(toGuest, p...)
				unsent = append(unsent, p...)
				push()
			},
			"guest reads": func(rt *rapid.T) { atGuest = append(atGuest, c.text(1)...) },
			"": func(rt *rapid.T) {
				if !bytes.HasPrefix(toHost, atHost) || !bytes.HasPrefix(toGuest, atGuest) {
					rt.Fatal("a stream is damaged")
				}
			},
		})
		budget = len(toHost)
		agent.Resume()
		for s := c.text(1); s != ""; s = c.text(1) {
			atGuest = append(atGuest, s...)
		}
		if !bytes.Equal(toHost, atHost) || !bytes.Equal(toGuest, atGuest) {
			rt.Fatalf("host got %d of %d bytes, guest %d of %d", len(atHost), len(toHost), len(atGuest), len(toGuest))
		}
		c.noEvents()
	})
}
