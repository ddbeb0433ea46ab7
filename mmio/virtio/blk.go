// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"encoding/binary"
	"io"
	"time"

	"vdev/mmio"
)

// Block device features (section 5.2.3).
const (
	blkFeatSizeMax     = 1 << 1
	blkFeatSegMax      = 1 << 2
	blkFeatReadOnly    = 1 << 5
	blkFeatBlkSize     = 1 << 6
	blkFeatFlush       = 1 << 9
	blkFeatWriteZeroes = 1 << 14
)

// Request types and status values (section 5.2.6).
const (
	blkIn          = 0
	blkOut         = 1
	blkFlush       = 4
	blkGetID       = 8
	blkWriteZeroes = 13

	blkOK          = 0
	blkIOErr       = 1
	blkUnsupported = 2
)

const (
	// SectorSize is the unit in which block requests count, in bytes, whatever the
	// block size (section 5.2.4).
	SectorSize = 512

	blkHeaderSize = 16 // type, reserved, sector
	blkIDSize     = 20 // what GET_ID fills
	blkRangeSize  = 16 // a WRITE_ZEROES segment: sector, num_sectors, flags

	// blkMaxSegment limits one segment of a request in bytes (size_max). With the
	// default queue size it keeps the largest request the driver may build below
	// maxChainBytes.
	blkMaxSegment = 256 << 10

	blkMaxZeroSectors = 32 << 20 / SectorSize // of one WRITE_ZEROES request

	blkChunk = 64 << 10 // bytes moved between backend and guest at once
)

// Backend is the storage behind a block device. Its methods are called on the
// machine's goroutine; offsets and lengths are in bytes.
type Backend interface {
	io.ReaderAt
	io.WriterAt
	// Size is the capacity. It must not change; an incomplete last sector is not
	// shown to the guest.
	Size() int64
	// Flush makes all completed writes durable.
	Flush() error
	// ReadOnly tells whether the guest may only read.
	ReadOnly() bool
}

// BlkConfig configures a block device.
type BlkConfig struct {
	Config
	// Backend is the storage.
	Backend Backend
	// ID is the serial number that GET_ID returns, cut to 20 bytes.
	ID string
	// QueueSize is the number of descriptors, a power of two from 4 to 128;
	// 0 means 128.
	QueueSize uint16
	// Latency is the virtual time from a request's submission to its completion.
	// 0 completes requests before the guest's notification returns.
	Latency time.Duration
}

// Blk is a block device (section 5.2).
type Blk struct {
	transport
	backend  Backend
	id       [blkIDSize]byte
	sectors  uint64
	queue    *queue
	latency  time.Duration
	clock    mmio.Clock
	timer    mmio.Timer
	requests []blkRequest // ring of requests in flight, oldest at first
	first    int
	inFlight int
	chunk    [blkChunk]byte
}

// blkRequest is a request on its way.
type blkRequest struct {
	chain chain
	due   time.Duration // virtual time of its completion
}

// NewBlk makes a block device. Configuration mistakes are the machine's, so they
// panic.
func NewBlk(cfg BlkConfig) *Blk {
	size := cfg.QueueSize
	if size == 0 {
		size = 128
	}
	if size < 4 || size > 128 {
		panic("BUG: block device queue size must be 4 to 128")
	}
	b := &Blk{
		backend: cfg.Backend, sectors: uint64(cfg.Backend.Size()) / SectorSize,
		latency: cfg.Latency, clock: cfg.Clock, requests: make([]blkRequest, size),
	}
	copy(b.id[:], cfg.ID)
	if b.latency > 0 {
		if cfg.Clock == nil {
			panic("BUG: block device with a latency has no clock")
		}
		b.timer = cfg.Clock.NewTimer(cfg.Name, b.complete)
	}
	features := uint64(blkFeatSizeMax | blkFeatSegMax | blkFeatBlkSize | blkFeatFlush)
	if cfg.Backend.ReadOnly() {
		features |= blkFeatReadOnly
	} else {
		features |= blkFeatWriteZeroes
	}
	b.init(cfg.Config, b, deviceSpec{
		id: idBlock, title: "virtio block device",
		doc:      "A disk over virtio-mmio (virtio 1.2, section 5.2): reads, writes, flushes, identification and zeroing.",
		features: features,
		queues:   []uint16{size},
		config: []mmio.Reg{
			configReg("capacity", 0, 8, b.sectors, "Size in sectors of 512 bytes."),
			configReg("size_max", 8, 4, blkMaxSegment, "Largest segment in bytes."),
			// A request also needs a header and a status descriptor.
			configReg("seg_max", 12, 4, uint64(size)-2, "Most data segments in a request."),
			configReg("geometry", 16, 4, 0, "Cylinders, heads and sectors; not offered."),
			configReg("blk_size", 20, 4, SectorSize, "Preferred block size in bytes."),
			configReg("topology", 24, 8, 0, "Alignment and optimal sizes; not offered."),
			configReg("writeback", 32, 1, 0, "Cache mode; not offered."),
			configReg("num_queues", 34, 2, 1, "Number of queues; not offered."),
			configReg("max_discard_sectors", 36, 4, 0, "Not offered."),
			configReg("max_discard_seg", 40, 4, 0, "Not offered."),
			configReg("discard_sector_alignment", 44, 4, 0, "Not offered."),
			configReg("max_write_zeroes_sectors", 48, 4, blkMaxZeroSectors, "Most sectors in a WRITE_ZEROES request."),
			configReg("max_write_zeroes_seg", 52, 4, 1, "Most ranges in a WRITE_ZEROES request."),
			configReg("write_zeroes_may_unmap", 56, 1, 0, "Whether zeroing may deallocate."),
		},
	})
	b.queue = b.queues[0]
	return b
}

func (b *Blk) start() {}

func (b *Blk) reset() {}

func (b *Blk) stopQueue(int) {
	b.first, b.inFlight = 0, 0
	if b.timer != nil {
		b.timer.Disarm()
	}
}

// notify takes all requests that the driver has made available: at most a
// queue full, because pop refuses more chains than there are descriptors.
func (b *Blk) notify(int) {
	if b.latency == 0 {
		r := &b.requests[0]
		for b.queue.pop(&r.chain) && b.execute(&r.chain) {
		}
		b.queue.flush()
		return
	}
	for {
		// With every slot taken pop has nothing to give, and leaves r alone.
		r := &b.requests[(b.first+b.inFlight)%len(b.requests)]
		if !b.queue.pop(&r.chain) {
			break
		}
		r.due = b.clock.Now() + b.latency
		b.inFlight++
	}
	b.armTimer()
}

// armTimer schedules the completion of the oldest request. All requests take
// the same time, so they complete in order.
func (b *Blk) armTimer() {
	if b.inFlight > 0 {
		b.timer.Arm(b.requests[b.first].due)
	}
}

// complete is the timer's function.
func (b *Blk) complete() {
	now := b.clock.Now()
	for b.inFlight > 0 && b.requests[b.first].due <= now {
		r := &b.requests[b.first]
		b.first = (b.first + 1) % len(b.requests)
		b.inFlight--
		if b.queue.live() { // nothing completes on a device that needs a reset
			b.execute(&r.chain)
		}
	}
	b.queue.flush()
	b.armTimer()
}

// execute performs one request and returns its chain to the driver. False means
// that the device has stopped.
func (b *Blk) execute(c *chain) bool {
	if c.readLen < blkHeaderSize || c.writeLen == 0 {
		return b.queue.bad("blk-header", uint64(c.readLen))
	}
	in := c.readStart()
	header := b.chunk[:blkHeaderSize]
	if !b.queue.read(c, &in, header) {
		return false
	}
	kind := binary.LittleEndian.Uint32(header)
	sector := binary.LittleEndian.Uint64(header[8:])

	// The last writable byte is the status; the driver may lay out everything
	// before it as it likes (section 2.6.4).
	data := c.writeLen - 1
	var written uint32
	status, ok := byte(blkUnsupported), true
	switch kind {
	case blkIn:
		if status, ok = b.read(c, sector, data); status == blkOK {
			written = data
		}
	case blkOut:
		status, ok = b.write(c, in, sector, c.readLen-blkHeaderSize)
	case blkFlush:
		status = b.status(b.backend.Flush(), "backend-flush", 0)
	case blkGetID:
		written = min(data, blkIDSize)
		out := c.writeStart()
		status, ok = blkOK, b.queue.write(c, &out, b.id[:written])
	case blkWriteZeroes:
		status, ok = b.writeZeroes(c, in, c.readLen-blkHeaderSize)
	default:
		b.Report(mmio.EventUnimplemented, "blk-request-type", 0, uint64(kind))
	}
	if !ok {
		return false
	}
	tail := b.chunk[:1]
	tail[0] = status
	if !b.writeDMA(c.last(), tail, "buffer") {
		return false
	}
	if written < data {
		// Used length counts from the start of the writable half without gaps
		// (section 2.7.8.2), and the status lies behind bytes not written.
		b.queue.push(c.head, written)
	} else {
		b.queue.push(c.head, written+1)
	}
	return true
}

// inRange tells whether n bytes from sector on lie on the disk and are whole
// sectors.
func (b *Blk) inRange(sector uint64, n uint64) bool {
	return n%SectorSize == 0 && sector <= b.sectors && n/SectorSize <= b.sectors-sector
}

// refuse reports a request that asks for what the disk does not have.
func (b *Blk) refuse(what string, sector uint64) byte {
	b.Report(mmio.EventBadValue, what, 0, sector)
	return blkIOErr
}

// status turns the outcome of a backend operation into a request status.
func (b *Blk) status(err error, what string, sector uint64) byte {
	if err == nil {
		return blkOK
	}
	b.Report(mmio.EventHostIO, what, 0, sector)
	return blkIOErr
}

// read performs an IN request of n bytes.
func (b *Blk) read(c *chain, sector uint64, n uint32) (status byte, ok bool) {
	if !b.inRange(sector, uint64(n)) {
		return b.refuse("blk-read-range", sector), true
	}
	out := c.writeStart()
	for off := int64(sector) * SectorSize; n > 0; {
		part := b.chunk[:min(n, blkChunk)]
		// io.ReaderAt may return io.EOF with the last byte.
		if got, err := b.backend.ReadAt(part, off); got < len(part) {
			return b.status(shortRead(err), "backend-read", sector), true
		}
		if !b.queue.write(c, &out, part) {
			return blkIOErr, false
		}
		n -= uint32(len(part))
		off += int64(len(part))
	}
	return blkOK, true
}

// shortRead is the error of a read that returned too little.
func shortRead(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// write performs an OUT request of n bytes at in.
func (b *Blk) write(c *chain, in cursor, sector uint64, n uint32) (status byte, ok bool) {
	if !b.inRange(sector, uint64(n)) || b.backend.ReadOnly() {
		return b.refuse("blk-write-range", sector), true
	}
	for off := int64(sector) * SectorSize; n > 0; {
		part := b.chunk[:min(n, blkChunk)]
		if !b.queue.read(c, &in, part) {
			return blkIOErr, false
		}
		if _, err := b.backend.WriteAt(part, off); err != nil {
			return b.status(err, "backend-write", sector), true
		}
		n -= uint32(len(part))
		off += int64(len(part))
	}
	return b.written(sector), true
}

// written ends a request that wrote. Without VIRTIO_BLK_F_FLUSH the driver
// counts on completed writes being durable (section 5.2.6.2).
func (b *Blk) written(sector uint64) byte {
	if b.driverFeatures&blkFeatFlush != 0 {
		return blkOK
	}
	return b.status(b.backend.Flush(), "backend-flush", sector)
}

// writeZeroes performs a WRITE_ZEROES request with n bytes of ranges at in.
func (b *Blk) writeZeroes(c *chain, in cursor, n uint32) (status byte, ok bool) {
	if b.driverFeatures&blkFeatWriteZeroes == 0 {
		return blkUnsupported, true
	}
	if n != blkRangeSize {
		return b.refuse("blk-zero-ranges", uint64(n)), true
	}
	segment := b.chunk[:blkRangeSize]
	if !b.queue.read(c, &in, segment) {
		return blkIOErr, false
	}
	sector := binary.LittleEndian.Uint64(segment)
	count := binary.LittleEndian.Uint32(segment[8:])
	flags := binary.LittleEndian.Uint32(segment[12:])
	if flags&^1 != 0 { // bit 0 permits to unmap, which this device never does
		return blkUnsupported, true
	}
	left := int64(count) * SectorSize
	if count > blkMaxZeroSectors || !b.inRange(sector, uint64(left)) {
		return b.refuse("blk-zero-range", sector), true
	}
	clear(b.chunk[:])
	for off := int64(sector) * SectorSize; left > 0; {
		part := b.chunk[:min(left, blkChunk)]
		if _, err := b.backend.WriteAt(part, off); err != nil {
			return b.status(err, "backend-write", sector), true
		}
		left -= int64(len(part))
		off += int64(len(part))
	}
	return b.written(sector), true
}
