// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"math"
	"math/bits"
	"time"
)

// event is what a counter can count (section 5.23). Page-table walks count once for
// each walk from the root, however deep it is; the second-stage walks for the entries
// of a first-stage table count too.
type event uint64

const (
	eventUntranslated event = 1 + iota
	eventTranslated
	eventTranslationRequest
	eventTLBMiss
	eventDeviceWalk
	eventProcessWalk
	eventFirstStageWalk
	eventSecondStageWalk
	lastEvent = eventSecondStageWalk
)

// softContext tells whether the event can be filtered by GSCID and PSCID.
func (e event) softContext() bool {
	return e == eventTLBMiss || e == eventFirstStageWalk || e == eventSecondStageWalk
}

// ids are what an event can be filtered by.
type ids struct {
	device       uint32
	process      uint32
	hasProcess   bool
	gscid, pscid uint32
	hasG, hasP   bool
}

// legalEvent keeps the event if the new one does not exist (WARL).
func legalEvent(old, v uint64) uint64 {
	const id = 1<<15 - 1
	if v&id > uint64(lastEvent) {
		return v&^id | old&id
	}
	return v
}

// matches applies an event selector's filter (section 5.23).
func (i *ids) matches(evt uint64, e event) bool {
	narrow, wide := i.process, i.device
	hasNarrow, hasWide := i.hasProcess, true
	if evt&evtIDT != 0 {
		if evt&(evtPV|evtDV) != 0 && !e.softContext() {
			return false
		}
		narrow, wide, hasNarrow, hasWide = i.pscid, i.gscid, i.hasP, i.hasG
	}
	if evt&evtPV != 0 && (!hasNarrow || narrow != uint32(evt>>16&0xf_ffff)) {
		return false
	}
	if evt&evtDV == 0 {
		return true
	}
	want, mask := uint32(evt>>36&0xff_ffff), uint32(0xff_ffff)
	if evt&evtDMASK != 0 {
		mask &^= want ^ (want + 1) // all bits up to the lowest 0
	}
	return hasWide && (wide^want)&mask == 0
}

// count lets every counter that wants the event advance.
func (u *IOMMU) count(e event, i *ids) {
	for m := u.counting; m != 0; m &= m - 1 {
		n := bits.TrailingZeros32(m)
		evt := u.GetAt(regIohpmevt, n)
		if event(evt&(1<<15-1)) != e || !i.matches(evt, e) {
			continue
		}
		v := u.GetAt(regIohpmctr, n) + 1
		u.SetAt(regIohpmctr, n, v)
		if v == 0 && evt&hpmOF == 0 {
			u.SetAt(regIohpmevt, n, evt|hpmOF)
			u.pend(ipCounter)
		}
	}
}

// counted works out which event counters run, after their registers changed, and
// when the cycle counter overflows.
func (u *IOMMU) counted() {
	u.counting = 0
	for n := range numEvents {
		if u.GetAt(regIohpmevt, n)&(1<<15-1) != 0 && u.Get(regIocountinh)>>(n+1)&1 == 0 {
			u.counting |= 1 << n
		}
	}
	u.armCycles()
}

// overflows is iocountovf.
func (u *IOMMU) overflows() uint64 {
	v := u.cycles() >> 63
	for n := range numEvents {
		v |= u.GetAt(regIohpmevt, n) >> 63 << (n + 1)
	}
	return v
}

// cycles is iohpmcycles: 63 bits of nanoseconds, and OF.
func (u *IOMMU) cycles() uint64 {
	if u.Get(regIocountinh)&1 != 0 {
		return u.cyclesBase
	}
	of := u.cyclesBase & hpmOF
	return u.cyclesBase&^hpmOF + uint64(u.clock.Now()-u.cyclesAt) | of
}

// setCycles makes the counter continue from v.
func (u *IOMMU) setCycles(v uint64) {
	u.cyclesBase, u.cyclesAt = v, u.clock.Now()
	u.armCycles()
}

// armCycles sets the timer for the overflow, unless that is centuries away or has
// happened and OF still says so.
func (u *IOMMU) armCycles() {
	left := hpmOF - u.cyclesBase&^hpmOF
	if u.Get(regIocountinh)&1 != 0 || u.cyclesBase&hpmOF != 0 || left > uint64(math.MaxInt64-u.cyclesAt) {
		u.cyclesDone.Disarm()
		return
	}
	u.cyclesDone.Arm(u.cyclesAt + time.Duration(left))
}

// cyclesOverflowed is the timer.
func (u *IOMMU) cyclesOverflowed() {
	u.setCycles(u.cycles() | hpmOF)
	u.pend(ipCounter)
}
