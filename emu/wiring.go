// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"fmt"
	"slices"
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
	Console, RNG, Block, DMATest, G2D, FIMD Wiring
}

// DefaultPorts has the block device non-coherent, so that every boot from a disk
// exercises Linux's cache maintenance, and the DMA tester, which is there for that.
// The multimedia block never is coherent.
func DefaultPorts() Ports {
	return Ports{Block: WiredNonCoherent, DMATest: WiredNonCoherent, G2D: WiredNonCoherent, FIMD: WiredNonCoherent}
}

// port is a bus master whose wiring can be chosen.
type port struct {
	name        string
	wiring      *Wiring
	neverShares bool // has no coherent variant
}

func (p *Ports) all() []port {
	return []port{
		{"block", &p.Block, false},
		{"console", &p.Console, false},
		{"dma-tester", &p.DMATest, false},
		{"fimd", &p.FIMD, true},
		{"g2d", &p.G2D, true},
		{"rng", &p.RNG, false},
	}
}

// PortNames lists the bus masters whose wiring can be chosen.
func PortNames() []string {
	var names []string
	for _, p := range new(Ports).all() {
		names = append(names, p.name)
	}
	return names
}

// Set parses "DEVICE=WIRING", for example "block=miswired".
func (p *Ports) Set(text string) error {
	dev, wiring, ok := strings.Cut(text, "=")
	w := slices.Index(wiringNames[:], wiring)
	if !ok || w < 0 {
		return fmt.Errorf("%q is not a wiring; write DEVICE=coherent, noncoherent or miswired, for example block=miswired", text)
	}
	for _, port := range p.all() {
		if port.name != dev {
			continue
		}
		if port.neverShares && Wiring(w) == WiredCoherent {
			return fmt.Errorf("%s is never coherent; it is noncoherent or miswired", dev)
		}
		*port.wiring = Wiring(w)
		return nil
	}
	return fmt.Errorf("%q is no device with a configurable port; there are %s", dev, strings.Join(PortNames(), ", "))
}

// IOMMUScope says which bus masters are behind the IOMMU. Each value includes those
// before it.
type IOMMUScope uint8

// The scopes.
const (
	IOMMUNone  IOMMUScope = iota // there is no IOMMU
	IOMMUMedia                   // the multimedia block
	IOMMUAll                     // disk and DMA tester too
)

var scopeNames = [...]string{"none", "media", "all"}

// String returns the scope's name.
func (s IOMMUScope) String() string { return scopeNames[s] }

// Set parses the scope's name.
func (s *IOMMUScope) Set(text string) error {
	i := slices.Index(scopeNames[:], text)
	if i < 0 {
		return fmt.Errorf("%q is not a part of the machine; the IOMMU serves %s", text, strings.Join(scopeNames[:], ", "))
	}
	*s = IOMMUScope(i)
	return nil
}
