// SPDX-License-Identifier: Apache-2.0

package uart

import (
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

type fixture struct {
	*mmiotest.Bench
	uart *UART
	irq  *mmiotest.Line
	out  []byte
	room int
	env  *mmiotest.Env
}

func newFixture(t *testing.T) *fixture {
	env := mmiotest.NewEnv()
	f := &fixture{irq: env.Line("irq"), env: env}
	f.uart = New(Config{Name: "uart0", IRQ: f.irq, Events: &env.Events,
		Output: func(b byte) { f.out = append(f.out, b) }, OnRoom: func() { f.room++ }})
	f.Bench = mmiotest.NewBench(t, f.uart, &env.Events)
	return f
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return New(Config{Name: "uart0", Events: &env.Events}) })
}

func FuzzUART(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device {
		// A line that always has more characters, so that the receiver is exercised.
		var u *UART
		u = New(Config{Name: "uart0", IRQ: env.Line("irq"), Events: &env.Events, OnRoom: func() { u.Receive([]byte("abc")) }})
		return u
	})
}

func TestTransmit(t *testing.T) {
	f := newFixture(t)
	for _, c := range []byte("hi") {
		f.Want("LSR", 0x60)
		f.Write("THR", uint64(c))
	}
	if string(f.out) != "hi" || f.irq.Level {
		t.Errorf("sent %q, interrupt %v", f.out, f.irq.Level)
	}
}

func TestDivisorLatch(t *testing.T) {
	f := newFixture(t)
	f.Write("IER", 0)
	f.Write("LCR", 0x80)
	f.Write("DLL", 0x0d)
	f.Write("DLM", 0x01)
	f.Want("DLL", 0x0d)
	f.Want("DLM", 0x01)
	f.Write("LCR", 0x03)
	f.Want("IER", 0)
	if len(f.out) != 0 {
		t.Errorf("the divisor was transmitted: %q", f.out)
	}
	f.Write("LCR", 0x83)
	f.Want("DLL", 0x0d)
}

// TestTransmitInterrupt follows what Linux's start-up test of THRE expects: enabling
// raises it, reading IIR acknowledges it, enabling again raises it again.
func TestTransmitInterrupt(t *testing.T) {
	f := newFixture(t)
	for range 2 {
		f.Write("IER", ierTransmit)
		if !f.irq.Level {
			t.Fatal("enabling does not interrupt")
		}
		f.Want("IIR", iirTransmit)
		if f.irq.Level {
			t.Error("reading IIR does not acknowledge")
		}
		f.Want("IIR", iirNone)
		f.Write("IER", ierTransmit) // enabled already: nothing new
		f.Want("IIR", iirNone)
		f.Write("IER", 0)
	}
	f.Write("IER", ierTransmit)
	f.Read("IIR")
	f.Write("THR", 'x')
	f.Want("IIR", iirTransmit)
}

func TestReceiveWithoutFIFO(t *testing.T) {
	f := newFixture(t)
	if f.uart.Listening() {
		t.Error("listens at power-on")
	}
	f.Write("IER", ierReceive)
	if !f.uart.Listening() || f.room != 1 {
		t.Errorf("listening %v, told %d times", f.uart.Listening(), f.room)
	}
	f.room = 0
	if n := f.uart.Receive([]byte("ab")); n != 1 {
		t.Errorf("took %d characters", n)
	}
	f.Want("LSR", 0x61)
	f.Want("IIR", iirReceive)
	f.Want("RBR", 'a')
	if f.irq.Level || f.room != 1 {
		t.Errorf("interrupt %v, told of room %d times", f.irq.Level, f.room)
	}
	f.Want("LSR", 0x60)
	f.Want("RBR", 'a') // an empty receiver repeats itself
	if f.room != 1 {
		t.Error("told of room that was there before")
	}
}

func TestReceiveFIFO(t *testing.T) {
	f := newFixture(t)
	f.Write("FCR", 0x81) // trigger at 8
	f.Write("IER", ierReceive)
	f.room = 0
	f.Want("IIR", 0xc1)
	if n := f.uart.Receive([]byte("0123456789abcdefgh")); n != 16 {
		t.Fatalf("took %d characters", n)
	}
	for i, c := range []byte("0123456789abcdef") {
		want := uint64(0xc0 | iirReceive)
		if 16-i < 8 {
			want = 0xc0 | iirTimeout
		}
		f.Want("IIR", want)
		f.Want("RBR", uint64(c))
	}
	if f.irq.Level || f.room != 16 {
		t.Errorf("interrupt %v, told of room %d times", f.irq.Level, f.room)
	}
	f.uart.Receive([]byte("xyz"))
	f.Write("FCR", 0x81|fcrClearRx)
	f.Want("LSR", 0x60)
	f.uart.Receive([]byte("xyz"))
	f.Write("FCR", 0) // turning the FIFO off empties it
	f.Want("LSR", 0x60)
	f.Want("IIR", iirNone)
}

// TestDetection follows how Linux tells a 16550A: the FIFO bits of IIR.
func TestDetection(t *testing.T) {
	f := newFixture(t)
	f.Write("FCR", fcrEnable)
	if f.Read("IIR")>>6 != 3 {
		t.Error("not a 16550A")
	}
	f.Write("IER", 0xff)
	f.Want("IER", 0x0f)
	f.Write("SCR", 0xa5)
	f.Want("SCR", 0xa5)
}

func TestPriorities(t *testing.T) {
	f := newFixture(t)
	f.Write("MCR", mcrLoop)
	f.Read("MSR")
	f.Write("IER", 0x0f)
	f.Write("THR", 'a')
	f.Write("THR", 'b')       // overrun: no FIFO
	f.Write("MCR", mcrLoop|2) // RTS, hence CTS, changes
	f.Want("IIR", iirLine)
	f.Want("LSR", 0x63)
	f.Want("IIR", iirReceive)
	f.Want("RBR", 'b')
	f.Want("IIR", iirTransmit)
	f.Want("IIR", iirModem)
	f.Want("MSR", msrCTS|1)
	f.Want("IIR", iirNone)
	f.Want("MSR", msrCTS)
}

func TestLoopback(t *testing.T) {
	f := newFixture(t)
	f.Want("MSR", msrCTS|msrDSR|msrDCD)
	for _, c := range []struct{ mcr, msr uint64 }{{1, msrDSR}, {2, msrCTS}, {4, msrRI}, {8, msrDCD}, {0xf, 0xf0}, {0xa, msrCTS | msrDCD}} {
		f.Write("MCR", mcrLoop|c.mcr)
		if got := f.Read("MSR") &^ msrDeltas; got != c.msr {
			t.Errorf("MCR %#x: MSR %#x, want %#x", c.mcr, got, c.msr)
		}
	}
	f.Write("THR", 'x')
	if n := f.uart.Receive([]byte("y")); n != 0 || len(f.out) != 0 {
		t.Errorf("the line is connected in loopback: took %d, sent %q", n, f.out)
	}
	f.Want("RBR", 'x')
	rooms := f.room
	f.Write("MCR", 0)
	if f.room != rooms+1 {
		t.Error("not told of room after loopback")
	}
	f.Want("MSR", msrCTS|msrDSR|msrDCD|msrDSR>>4)
}

func TestRingEdge(t *testing.T) {
	f := newFixture(t)
	f.Write("MCR", mcrLoop|4)
	f.Read("MSR")
	f.Write("MCR", mcrLoop)
	f.Want("MSR", msrRingEdge)
	f.Write("MCR", mcrLoop|4)
	f.Want("MSR", msrRI) // the rising edge does not count
}

func TestReceiveFromOnRoom(t *testing.T) {
	f := newFixture(t)
	text := []byte("a long line of characters that no FIFO holds\n")
	want := string(text)
	f.uart.onRoom = func() { text = text[f.uart.Receive(text):] }
	f.Write("FCR", fcrEnable)
	var got []byte
	for f.Read("LSR")&lsrReady != 0 {
		got = append(got, byte(f.Read("RBR")))
	}
	if string(got) != want {
		t.Errorf("received %q", got)
	}
}

func TestWideAccessIsRefused(t *testing.T) {
	f := newFixture(t)
	if v, ok := f.Raw(0, 4); v != 0 || !ok || f.env.Events.Count(mmio.EventAccessSize, "") != 1 {
		t.Errorf("read %#x %v, events %v", v, ok, f.env.Events.List)
	}
}

// TestOffsets compares with Linux's include/uapi/linux/serial_reg.h.
func TestOffsets(t *testing.T) {
	f := newFixture(t)
	for off, names := range [][]string{{"RBR", "THR", "DLL"}, {"IER", "DLM"}, {"IIR", "FCR"}, {"LCR"}, {"MCR"}, {"LSR"}, {"MSR"}, {"SCR"}} {
		for _, name := range names {
			if id, ok := f.uart.Lookup(name); !ok || f.uart.Reg(id).Offset != uint64(off) {
				t.Errorf("%s is not at %d", name, off)
			}
		}
	}
}
