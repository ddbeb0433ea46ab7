// SPDX-License-Identifier: Apache-2.0

// Package uart models a 16550A serial port as Linux's 8250 driver expects it:
// registers one byte apart, sixteen-byte receive FIFO, modem lines, loopback.
// Transmission takes no virtual time: the transmitter is always empty.
package uart

import (
	"fmt"

	"vdev/mmio"
)

// The registers, PC16550D datasheet section 8. Bank 1 is the divisor latch.
const (
	regRBR mmio.RegID = iota
	regTHR
	regDLL
	regIER
	regDLM
	regIIR
	regFCR
	regLCR
	regMCR
	regLSR
	regMSR
	regSCR
)

const (
	bankData  = 0
	bankLatch = 1
)

// Interrupt enable bits.
const (
	ierReceive  = 1 << 0
	ierTransmit = 1 << 1
	ierLine     = 1 << 2
	ierModem    = 1 << 3
)

// Interrupt identifications, in order of falling priority.
const (
	iirLine     = 0x6
	iirReceive  = 0x4
	iirTimeout  = 0xc
	iirTransmit = 0x2
	iirModem    = 0x0
	iirNone     = 0x1
	iirID       = 0xf
	iirFIFO     = 0xc0 // FIFOs are on
)

// FIFO control bits.
const (
	fcrEnable  = 1 << 0
	fcrClearRx = 1 << 1
	fcrClearTx = 1 << 2
)

// Line and modem bits.
const (
	lcrLatch    = 1 << 7
	mcrLoop     = 1 << 4
	lsrReady    = 1 << 0
	lsrOverrun  = 1 << 1
	lsrErrors   = 0x1e
	lsrTxEmpty  = 0x60 // holding register and shift register
	msrDeltas   = 0x0f
	msrRingEdge = 1 << 2 // TERI: only the falling edge counts
	msrCTS      = 1 << 4
	msrDSR      = 1 << 5
	msrRI       = 1 << 6
	msrDCD      = 1 << 7
)

const (
	windowSize = 0x100
	fifoSize   = 16
)

func (u *UART) block() mmio.Block {
	const data, latch = 1 << bankData, 1 << bankLatch
	return mmio.Block{
		Title: "NS16550A serial port",
		Doc:   "Offsets 0 and 1 hold the divisor latch while LCR.DLAB is set. The divisor has no effect: characters take no virtual time.",
		Size:  windowSize,
		Regs: []mmio.Reg{
			regRBR: {Name: "RBR", Offset: 0, Width: 1, Access: mmio.RO, Banks: data, Doc: "Received character.",
				PreRead:  func(int, uint64) uint64 { return uint64(u.rx[0]) },
				PostRead: func(int, uint64) { u.pop() }},
			regTHR: {Name: "THR", Offset: 0, Width: 1, Access: mmio.WO, Banks: data, Doc: "Character to transmit.",
				PostWrite: func(_ int, _, v uint64) { u.transmit(byte(v)) }},
			regDLL: {Name: "DLL", Offset: 0, Width: 1, Banks: latch, Doc: "Divisor, low byte."},
			regIER: {Name: "IER", Offset: 1, Width: 1, Banks: data, ROMask: 0xf0, Doc: "Interrupt enable.",
				Fields: []mmio.Field{mmio.Bit(0, "ERBFI", "received data"), mmio.Bit(1, "ETBEI", "transmitter empty"),
					mmio.Bit(2, "ELSI", "line status"), mmio.Bit(3, "EDSSI", "modem status")},
				PostWrite: u.wroteIER},
			regDLM: {Name: "DLM", Offset: 1, Width: 1, Banks: latch, Doc: "Divisor, high byte."},
			regIIR: {Name: "IIR", Offset: 2, Width: 1, Access: mmio.RO, Reset: iirNone,
				Doc: "Highest-priority interrupt; reading it acknowledges transmitter-empty.",
				Fields: []mmio.Field{{Name: "ID", Lo: 0, Hi: 3, Enum: []mmio.Enum{{Value: iirNone, Name: "none"}, {Value: iirModem, Name: "modem"},
					{Value: iirTransmit, Name: "transmit"}, {Value: iirReceive, Name: "receive"}, {Value: iirTimeout, Name: "timeout"}, {Value: iirLine, Name: "line"}}},
					mmio.Bits(7, 6, "FIFO", "3 while the FIFOs are on")},
				PreRead:  func(int, uint64) uint64 { return u.iir() },
				PostRead: u.readIIR},
			regFCR: {Name: "FCR", Offset: 2, Width: 1, Access: mmio.WO, Doc: "FIFO control.",
				Fields: []mmio.Field{mmio.Bit(0, "ENABLE", ""), mmio.Bit(1, "CLEAR_RX", ""), mmio.Bit(2, "CLEAR_TX", ""),
					mmio.Bit(3, "DMA_MODE", "no effect"), mmio.Bits(7, 6, "TRIGGER", "receive trigger: 1, 4, 8 or 14 characters")},
				PostWrite: u.wroteFCR},
			regLCR: {Name: "LCR", Offset: 3, Width: 1, Doc: "Line format; only DLAB has an effect.",
				Fields: []mmio.Field{mmio.Bits(1, 0, "WLS", "word length - 5"), mmio.Bit(2, "STB", ""), mmio.Bit(3, "PEN", ""),
					mmio.Bit(4, "EPS", ""), mmio.Bit(5, "STICK", ""), mmio.Bit(6, "BREAK", ""), mmio.Bit(7, "DLAB", "offsets 0 and 1 are the divisor")},
				PostWrite: func(_ int, _, v uint64) { u.SetBank(int(v / lcrLatch)) }},
			regMCR: {Name: "MCR", Offset: 4, Width: 1, ROMask: 0xe0, Doc: "Modem control.",
				Fields: []mmio.Field{mmio.Bit(0, "DTR", ""), mmio.Bit(1, "RTS", ""), mmio.Bit(2, "OUT1", ""), mmio.Bit(3, "OUT2", ""),
					mmio.Bit(4, "LOOP", "the transmitter feeds the receiver, the outputs the modem inputs")},
				PostWrite: u.wroteMCR},
			regLSR: {Name: "LSR", Offset: 5, Width: 1, Access: mmio.RO, Reset: lsrTxEmpty, RC: lsrErrors, Doc: "Line status.",
				Fields: []mmio.Field{mmio.Bit(0, "DR", "data ready"), mmio.Bit(1, "OE", "overrun"), mmio.Bit(2, "PE", ""), mmio.Bit(3, "FE", ""),
					mmio.Bit(4, "BI", ""), mmio.Bit(5, "THRE", ""), mmio.Bit(6, "TEMT", ""), mmio.Bit(7, "ERR", "")},
				PreRead:  u.lsr,
				PostRead: func(int, uint64) { u.update() }},
			regMSR: {Name: "MSR", Offset: 6, Width: 1, Access: mmio.RO, Reset: msrCTS | msrDSR | msrDCD, RC: msrDeltas, Doc: "Modem status.",
				Fields: []mmio.Field{mmio.Bit(0, "DCTS", ""), mmio.Bit(1, "DDSR", ""), mmio.Bit(2, "TERI", ""), mmio.Bit(3, "DDCD", ""),
					mmio.Bit(4, "CTS", ""), mmio.Bit(5, "DSR", ""), mmio.Bit(6, "RI", ""), mmio.Bit(7, "DCD", "")},
				PostRead: func(int, uint64) { u.update() }},
			regSCR: {Name: "SCR", Offset: 7, Width: 1, Doc: "Scratch."},
		},
	}
}

// Config wires a UART.
type Config struct {
	Name string
	IRQ  mmio.IRQLine
	// Output takes each transmitted character. May be nil.
	Output func(b byte)
	// OnRoom runs when the guest has made room in the receive FIFO or starts to listen,
	// from within the guest's access; it may call Receive. May be nil.
	OnRoom func()
	Events mmio.EventSink
}

// UART is the serial port.
type UART struct {
	*mmio.Regs
	irq    mmio.IRQLine
	output func(byte)
	onRoom func()

	rx      [fifoSize]byte // rx[0] is the oldest; it keeps its value when the FIFO runs empty
	rxLen   int
	txEvent bool // the transmitter-empty interrupt has not been acknowledged
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*UART)(nil)

// New makes a UART in its reset state.
func New(c Config) *UART {
	u := &UART{irq: mmio.Wired(c.IRQ), output: c.Output, onRoom: c.OnRoom}
	if u.output == nil {
		u.output = func(byte) {}
	}
	if u.onRoom == nil {
		u.onRoom = func() {}
	}
	u.Regs = mmio.NewRegs(c.Name, u.block(), c.Events)
	return u
}

// Reset empties the FIFOs and returns the registers to their reset values.
func (u *UART) Reset() {
	u.Regs.Reset()
	u.rx, u.rxLen, u.txEvent = [fifoSize]byte{}, 0, false
	u.update()
	u.onRoom()
}

// Receive offers characters from the line. It returns how many the receive FIFO
// took; the rest should be offered again after OnRoom. In loopback mode the line is
// disconnected, and nothing is taken.
func (u *UART) Receive(p []byte) int {
	if u.looped() {
		return 0
	}
	n := copy(u.rx[u.rxLen:u.depth()], p)
	u.rxLen += n
	u.update()
	return n
}

// Listening tells whether the guest has enabled received-data interrupts. Drivers
// empty the FIFO when they open the port, so input that is offered before that may
// be lost, as on a real line.
func (u *UART) Listening() bool { return u.Get(regIER)&ierReceive != 0 }

func (u *UART) fifoOn() bool { return u.Get(regFCR)&fcrEnable != 0 }
func (u *UART) looped() bool { return u.Get(regMCR)&mcrLoop != 0 }

// depth is how many characters the receiver holds.
func (u *UART) depth() int {
	if u.fifoOn() {
		return fifoSize
	}
	return 1
}

// trigger is the fill level that makes a received-data interrupt.
func (u *UART) trigger() int {
	if !u.fifoOn() {
		return 1
	}
	return [4]int{1, 4, 8, 14}[u.Get(regFCR)>>6]
}

// iir is the interrupt identification register.
func (u *UART) iir() uint64 {
	id, ier := uint64(iirNone), u.Get(regIER)
	switch {
	case ier&ierLine != 0 && u.Get(regLSR)&lsrErrors != 0:
		id = iirLine
	case ier&ierReceive != 0 && u.rxLen >= u.trigger():
		id = iirReceive
	case ier&ierReceive != 0 && u.rxLen > 0:
		// The line is always idle for longer than the four character times of the
		// timeout: characters take no time.
		id = iirTimeout
	case ier&ierTransmit != 0 && u.txEvent:
		id = iirTransmit
	case ier&ierModem != 0 && u.Get(regMSR)&msrDeltas != 0:
		id = iirModem
	}
	if u.fifoOn() {
		id |= iirFIFO
	}
	return id
}

func (u *UART) update() { u.irq.Set(u.iir()&iirID != iirNone) }

func (u *UART) lsr(_ int, stored uint64) uint64 {
	v := stored&lsrErrors | lsrTxEmpty
	if u.rxLen > 0 {
		v |= lsrReady
	}
	return v
}

func (u *UART) pop() {
	if u.rxLen == 0 {
		return
	}
	if u.rxLen--; u.rxLen > 0 {
		copy(u.rx[:], u.rx[1:])
	}
	u.update()
	u.onRoom()
}

// transmit sends a character, which empties the transmitter at once.
func (u *UART) transmit(b byte) {
	if u.looped() {
		u.loopBack(b)
	} else {
		u.output(b)
	}
	u.txEvent = true
	u.update()
}

func (u *UART) loopBack(b byte) {
	if u.rxLen < u.depth() {
		u.rx[u.rxLen] = b
		u.rxLen++
		return
	}
	if !u.fifoOn() { // without FIFO the newer character wins
		u.rx[0] = b
	}
	u.Set(regLSR, u.Get(regLSR)|lsrOverrun)
}

// wroteIER tells the other end that the guest listens, and raises the transmitter interrupt when it is enabled while the
// transmitter is empty; Linux's 8250 tests for that at start-up.
func (u *UART) wroteIER(_ int, old, v uint64) {
	if v&^old&ierTransmit != 0 {
		u.txEvent = true
	}
	u.update()
	if v&^old&ierReceive != 0 {
		u.onRoom()
	}
}

func (u *UART) readIIR(_ int, v uint64) {
	if v&iirID == iirTransmit {
		u.txEvent = false
		u.update()
	}
}

func (u *UART) wroteFCR(_ int, old, v uint64) {
	if v&fcrEnable == 0 {
		v &= fcrClearRx | fcrClearTx // the other bits need ENABLE
	}
	clearRx := (v^old)&fcrEnable != 0 || v&fcrClearRx != 0
	u.Set(regFCR, v&^(fcrClearRx|fcrClearTx))
	if clearRx {
		u.rxLen = 0
	}
	u.update()
	if clearRx {
		u.onRoom()
	}
}

func (u *UART) wroteMCR(_ int, old, v uint64) {
	lines := uint64(msrCTS | msrDSR | msrDCD)
	if v&mcrLoop != 0 {
		// RTS is wired to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD.
		lines = v>>1&1*msrCTS | v&1*msrDSR | v>>2&1*msrRI | v>>3&1*msrDCD
	}
	was := u.Get(regMSR)
	deltas := (was ^ lines) >> 4
	if was&msrRI == 0 {
		deltas &^= msrRingEdge
	}
	u.Set(regMSR, lines|(was|deltas)&msrDeltas)
	u.update()
	if old&^v&mcrLoop != 0 {
		u.onRoom()
	}
}

type state struct {
	Regs    mmio.RegsState
	Rx      []byte
	Last    byte
	TxEvent bool
}

// SaveState returns the registers and the receive FIFO.
func (u *UART) SaveState() ([]byte, error) {
	return mmio.EncodeState(state{u.State(), u.rx[:u.rxLen], u.rx[0], u.txEvent})
}

// LoadState is the inverse of SaveState.
func (u *UART) LoadState(data []byte) error {
	s, err := mmio.DecodeState[state](u.Name(), data)
	if err != nil {
		return err
	}
	if len(s.Rx) > fifoSize {
		return fmt.Errorf("state of %s has %d received characters", u.Name(), len(s.Rx))
	}
	if err := u.SetState(s.Regs); err != nil {
		return err
	}
	u.rx[0] = s.Last
	u.rxLen = copy(u.rx[:], s.Rx)
	u.txEvent = s.TxEvent
	u.update()
	return nil
}

// clockFrequency is the input clock that the device tree names, in Hz: the usual
// crystal of a PC, from which Linux derives divisors.
const clockFrequency = 3_686_400

// DTName is the generic node name.
func (u *UART) DTName() string { return "serial" }

// DescribeDT writes the node.
func (u *UART) DescribeDT(n mmio.DTNode) {
	n.SetProp("compatible", "ns16550a")
	n.SetProp("clock-frequency", uint32(clockFrequency))
}
