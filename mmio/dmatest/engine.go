// SPDX-License-Identifier: Apache-2.0

package dmatest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"vdev/mmio"
)

// chunk is how many bytes are moved at a time. A copy to a place that overlaps its
// source gives what moving one chunk after the other gives.
const chunk = 4096

// begin is reached when the delay is over.
func (d *Tester) begin() {
	if d.gated.Start(d.job.String, d.job.ranges, d.transfer) {
		d.transfer()
	}
}

// String is what the command does.
func (j *job) String() string {
	verb := [...]string{OpCopy: "copy", OpFill: "fill", OpChecksum: "checksum"}[j.Op]
	return fmt.Sprintf("%s of %d bytes", verb, j.Length)
}

// ranges are what the command accesses.
func (j *job) ranges(yield func(mmio.DMARange) bool) {
	n := uint64(j.Length)
	if n == 0 {
		return
	}
	if j.Op != OpFill && !yield(mmio.DMARange{Addr: j.Src, Len: n, Read: true}) {
		return
	}
	if j.Op != OpChecksum {
		yield(mmio.DMARange{Addr: j.Dst, Len: n, Write: true, Frame: j.Frame})
	}
}

// transfer does the command under way.
func (d *Tester) transfer() {
	var err error
	switch d.job.Op {
	case OpCopy:
		err = d.copy()
	case OpFill:
		err = d.fill()
	case OpChecksum:
		err = d.checksum()
	default:
		panic(fmt.Sprintf("BUG: %s transfers for command %d", d.Name(), d.job.Op))
	}
	if err == nil {
		d.finish(FaultNone)
		return
	}
	fault, addr := FaultRead, mmio.IOVA(0)
	if de, ok := errors.AsType[*mmio.DMAError](err); ok {
		addr = de.Addr
		if de.Write {
			fault = FaultWrite
		}
	}
	d.Report(mmio.EventBadDMA, "transfer", d.Reg(regCommand).Offset, uint64(addr))
	d.Set(regFault, uint64(addr))
	d.finish(fault)
}

// each calls f for each chunk, with how far it is from the start.
func (j *job) each(f func(off mmio.IOVA, b []byte) error) error {
	var buf [chunk]byte
	for off := 0; off < j.Length; off += chunk {
		if err := f(mmio.IOVA(off), buf[:min(chunk, j.Length-off)]); err != nil {
			return err
		}
	}
	return nil
}

func (d *Tester) copy() error {
	return d.job.each(func(off mmio.IOVA, b []byte) error {
		if err := d.dma.ReadDMA(d.job.Src+off, b); err != nil {
			return err
		}
		return d.dma.WriteDMA(d.job.Dst+off, b)
	})
}

func (d *Tester) fill() error {
	var pattern [8]byte
	binary.LittleEndian.PutUint64(pattern[:], d.job.Pattern)
	return d.job.each(func(off mmio.IOVA, b []byte) error {
		for i := 0; i < len(b); i += copy(b[i:], pattern[:]) { // chunks begin with a whole pattern
		}
		return d.dma.WriteDMA(d.job.Dst+off, b)
	})
}

func (d *Tester) checksum() error {
	sum := uint32(0)
	err := d.job.each(func(off mmio.IOVA, b []byte) error {
		err := d.dma.ReadDMA(d.job.Src+off, b)
		sum = crc32.Update(sum, crc32.IEEETable, b)
		return err
	})
	if err == nil {
		d.Set(regResult, uint64(sum))
	}
	return err
}

// check refuses a command that cannot be under way.
func (s *state) check(name string) error {
	j := &s.Job
	// SetState complains about a wrong number of values.
	busy := len(s.Regs.Values) > int(regStatus) && s.Regs.Values[regStatus]&StatusBusy != 0
	if busy != (j.Op != 0) || j.Op >= OpAbort || j.Length < 0 || j.Length > MaxLength {
		return fmt.Errorf("state of %s: impossible command %d of %d bytes", name, j.Op, j.Length)
	}
	return nil
}
