// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"fmt"
	"strings"
)

// Wiring says how a bus master reaches memory, and what the device tree says of it.
type Wiring uint8

// The wirings.
const (
	WiredCoherent    Wiring = iota // sees what the harts see
	WiredNonCoherent               // sees DRAM; the device tree says so
	// WiredWrong sees DRAM, while the device tree says that it is coherent: the classic
	// mistake in bringing up a board.
	WiredWrong
)

var wiringNames = [...]string{"coherent", "noncoherent", "miswired"}

// String returns the wiring's name.
func (w Wiring) String() string { return wiringNames[w] }

// Ports says how each bus master is wired.
type Ports struct {
	Console, RNG, Block, DMATest Wiring
}

// DefaultPorts has the block device non-coherent, so that every boot from a disk
// exercises Linux's cache maintenance, and the DMA tester, which is there for that.
func DefaultPorts() Ports { return Ports{Block: WiredNonCoherent, DMATest: WiredNonCoherent} }

func (p Ports) of(slot int) Wiring {
	switch slot {
	case slotConsole:
		return p.Console
	case slotRNG:
		return p.RNG
	}
	return p.Block
}

// Set parses "DEVICE=WIRING", for example "block=miswired".
func (p *Ports) Set(text string) error {
	dev, wiring, ok := strings.Cut(text, "=")
	if ok {
		for w, name := range wiringNames {
			if name != wiring {
				continue
			}
			switch dev {
			case "console":
				p.Console = Wiring(w)
			case "rng":
				p.RNG = Wiring(w)
			case "block":
				p.Block = Wiring(w)
			case "dma-tester":
				p.DMATest = Wiring(w)
			default:
				return fmt.Errorf("%q is no device with a configurable port; there are block, console, dma-tester and rng", dev)
			}
			return nil
		}
	}
	return fmt.Errorf("%q is not a wiring; write DEVICE=coherent, noncoherent or miswired, for example block=miswired", text)
}
