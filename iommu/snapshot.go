// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"fmt"
	"math/bits"
	"time"

	"vdev/mmio"
)

// state is all that a run depends on. The caches belong to it: what they still hold is
// what a stale translation is made of.
type state struct {
	Regs          mmio.RegsState
	Devices       cache[deviceContext]
	Processes     cache[processContext]
	Translations  cache[translation]
	Tags          [invalTags]invalTag
	InvalTimedOut bool
	CyclesBase    uint64
	CyclesAt      time.Duration
}

// SaveState returns registers and caches.
func (u *IOMMU) SaveState() ([]byte, error) {
	return mmio.EncodeState(state{u.State(), u.devices, u.processes, u.translations, u.tags, u.invalTimedOut, u.cyclesBase, u.cyclesAt})
}

// LoadState is the inverse of SaveState.
func (u *IOMMU) LoadState(data []byte) error {
	s, err := mmio.DecodeState[state](u.Name(), data)
	if err != nil {
		return err
	}
	if !u.devices.fits(&s.Devices) || !u.processes.fits(&s.Processes) || !u.translations.fits(&s.Translations) {
		return fmt.Errorf("%s: state has caches of another size", u.Name())
	}
	for i := range s.Translations.Slots {
		if t := &s.Translations.Slots[i]; t.Valid && !t.Entry.sized() {
			return fmt.Errorf("%s: state has a cached page of %#x bytes", u.Name(), t.Entry.Size)
		}
	}
	for i := range s.Devices.Slots {
		if d := &s.Devices.Slots[i]; d.Valid && !u.sound(&d.Entry) {
			return fmt.Errorf("%s: state has an impossible context of device %#x", u.Name(), d.Entry.Device)
		}
	}
	for i := range s.Processes.Slots {
		if p := &s.Processes.Slots[i]; p.Valid && mode(p.Entry.FSC) != modeBare && !pagedMode(p.Entry.FSC) {
			return fmt.Errorf("%s: state has an impossible context of process %#x", u.Name(), p.Entry.Process)
		}
	}
	if s.CyclesAt < 0 {
		return fmt.Errorf("%s: state has a cycle counter from before time began", u.Name())
	}
	if err := u.SetState(s.Regs); err != nil {
		return err
	}
	u.devices, u.processes, u.translations = s.Devices, s.Processes, s.Translations
	u.forgetPages(nil)
	u.tags, u.invalTimedOut = s.Tags, s.InvalTimedOut
	u.cyclesBase, u.cyclesAt = s.CyclesBase, s.CyclesAt
	u.armInvalidations()
	u.counted()
	u.update()
	return nil
}

// sized tells whether the sizes are powers of two.
func (t *translation) sized() bool {
	for _, size := range []uint64{t.Size, t.FirstSize, t.GuestSize} {
		if bits.OnesCount64(size) != 1 || size < pageSize {
			return false
		}
	}
	return true
}
