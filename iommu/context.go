// SPDX-License-Identifier: Apache-2.0

package iommu

// Bits of a device context's tc (section 2.1.3.1).
const (
	tcV     = 1 << 0
	tcATS   = 1 << 1
	tcPRI   = 1 << 2
	tcT2GPA = 1 << 3
	tcDTF   = 1 << 4
	tcPDTV  = 1 << 5
	tcPRPR  = 1 << 6
	tcGADE  = 1 << 7
	tcSADE  = 1 << 8
	tcDPE   = 1 << 9
	tcSBE   = 1 << 10
	tcSXL   = 1 << 11

	tcReserved = 0xffff_ffff_00ff_f000 // bits 31:24 are for custom use and do nothing
)

// Modes of address translation (section 2.1.3), in bits 63:60.
const (
	modeBare = 0
	modeSv39 = 8
	modeSv48 = 9
	modeSv57 = 10

	pdtpPD20 = 3 // the highest of pdtp: it is the number of levels

	msiFlat = 1
)

// Bits of a process context's ta (section 2.2.3.1).
const (
	pcV   = 1 << 0
	pcENS = 1 << 1
	pcSUM = 1 << 2

	pcReserved = 0xffff_ffff_0000_0ff8
)

// Reserved bits of the others.
const (
	entryReserved = 0xffc0_0000_0000_03fe // of a non-leaf directory entry
	rootReserved  = 0x0fff_f000_0000_0000 // of iosatp, pdtp and msiptp
	taReserved    = 0xffff_ffff_0000_0fff // of a device context's ta, without QoS identifiers
	msiReserved   = 0xffff_8000_0000_0000 // of msi_addr_mask and pattern: guest addresses have 59 bits
)

// mode is the field in bits 63:60 of iohgatp, iosatp, pdtp and msiptp.
func mode(v uint64) uint64 { return v >> 60 }

// softID is the PSCID in bits 31:12 of ta.
func softID(ta uint64) uint32 { return uint32(ta >> 12 & 0xf_ffff) }

// pagedMode tells whether v has a mode that translates and that exists.
func pagedMode(v uint64) bool { return mode(v) >= modeSv39 && mode(v) <= modeSv57 }

// deviceContext is a cached leaf of the device directory.
type deviceContext struct {
	Device                             uint32
	TC, IOHGATP, TA, FSC               uint64
	MSIPTP, MSIMask, MSIPattern, Extra uint64 // of the extended format
}

func (d *deviceContext) gscid() uint32 { return uint32(d.IOHGATP >> 44 & 0xffff) }
func (d *deviceContext) nested() bool  { return mode(d.IOHGATP) != modeBare }

// deviceIndex splits a device_id into the indices of the directory's levels (section
// 2.1): 7, 9 and 8 bits, or 6, 9 and 9 with contexts twice as big.
func (u *IOMMU) deviceIndex(device uint32) [3]uint64 {
	leaf := 7
	if u.msi {
		leaf = 6
	}
	d := uint64(device)
	return [3]uint64{d & (1<<leaf - 1), d >> leaf & 511, d >> (leaf + 9)}
}

// reaches tells whether the directory in its present mode is deep enough for the
// device_id of 24 bits (section 2.3 step 5).
func (u *IOMMU) reaches(device uint32) bool {
	levels := u.Get(regDdtp)&15 - 1
	i := u.deviceIndex(device)
	return (levels > 2 || i[2] == 0) && (levels > 1 || i[1] == 0)
}

// findDevice locates the device context (section 2.3.1). The directory must be on.
func (u *IOMMU) findDevice(device uint32, i *ids) (*deviceContext, Cause) {
	if d := u.devices.find(func(d *deviceContext) bool { return d.Device == device }); d != nil {
		return d, 0
	}
	u.count(eventDeviceWalk, i)
	index := u.deviceIndex(device)
	at := ppn(u.Get(regDdtp)) << 12
	for level := u.Get(regDdtp)&15 - ddtp1LVL; level > 0; level-- {
		entry, err := u.load1(at + 8*index[level])
		switch {
		case err != nil:
			return nil, failed(err, CauseDDTAccessFault, CauseDDTCorrupt)
		case entry&1 == 0:
			return nil, CauseDDTInvalid
		case entry&entryReserved != 0:
			return nil, CauseDDTMisconfigured
		}
		at = ppn(entry) << 12
	}
	var raw [8]uint64
	words := raw[:4]
	if u.msi {
		words = raw[:]
	}
	if err := u.load(at+8*uint64(len(words))*index[0], words); err != nil {
		return nil, failed(err, CauseDDTAccessFault, CauseDDTCorrupt)
	}
	d := deviceContext{device, raw[0], raw[1], raw[2], raw[3], raw[4], raw[5], raw[6], raw[7]}
	switch {
	case d.TC&tcV == 0:
		return nil, CauseDDTInvalid
	case !u.sound(&d):
		return nil, CauseDDTMisconfigured
	}
	u.devices.add(d)
	return &d, 0
}

// sound makes the configuration checks of section 2.1.4.
func (u *IOMMU) sound(d *deviceContext) bool {
	has := func(bits uint64) bool { return d.TC&bits != 0 }
	switch {
	case has(tcReserved) || d.TA&taReserved != 0 || d.FSC&rootReserved != 0:
	case has(tcATS|tcPRI|tcPRPR) && !u.ats:
	case has(tcPRI) && !has(tcATS) || has(tcPRPR) && !has(tcPRI):
	case has(tcT2GPA | tcSBE | tcSXL): // the model has none of them
	case has(tcPDTV) && mode(d.FSC) > pdtpPD20:
	case !has(tcPDTV) && mode(d.FSC) != modeBare && !pagedMode(d.FSC):
	case !has(tcPDTV) && has(tcDPE):
	case d.nested() && (!pagedMode(d.IOHGATP) || d.IOHGATP&3 != 0): // the root has 16 KiB
	case mode(d.MSIPTP) > msiFlat || mode(d.MSIPTP) != 0 && !d.nested():
	case d.MSIPTP&rootReserved != 0 || (d.MSIMask|d.MSIPattern)&msiReserved != 0 || d.Extra != 0:
	default:
		return true
	}
	return false
}

// processContext is a cached leaf of a process directory.
type processContext struct {
	Device, Process uint32
	TA, FSC         uint64
}

// processIndex splits a process_id into the indices of the directory's levels.
func processIndex(process uint32) [3]uint64 {
	p := uint64(process)
	return [3]uint64{p & 255, p >> 8 & 511, p >> 17}
}

// processBits is the width of a process_id in a mode of pdtp.
func processBits(mode uint64) uint { return [4]uint{20, 8, 17, 20}[mode] }

// findProcess locates the process context (section 2.3.2). The directory's addresses
// are guest physical ones if there is a second stage.
func (w *walk) findProcess(process uint32) (*processContext, *Fault) {
	device := w.dc.Device
	p := w.u.processes.find(func(p *processContext) bool { return p.Device == device && p.Process == process })
	if p != nil {
		return p, nil
	}
	return w.clone().processDirectory(process)
}

// processDirectory is findProcess without the cache.
func (w *walk) processDirectory(process uint32) (*processContext, *Fault) {
	u, d := w.u, &w.dc
	u.count(eventProcessWalk, &w.ids)
	index := processIndex(process)
	at := rootPPN(d.FSC) << 12
	for level := mode(d.FSC) - 1; level > 0; level-- {
		spa, f := w.implicit(at+8*index[level], false)
		if f != nil {
			return nil, inProcessDirectory(f)
		}
		entry, err := u.load1(spa)
		switch {
		case err != nil:
			return nil, w.fault(failed(err, CausePDTAccessFault, CausePDTCorrupt))
		case entry&1 == 0:
			return nil, w.fault(CausePDTInvalid)
		case entry&entryReserved != 0:
			return nil, w.fault(CausePDTMisconfigured)
		}
		at = ppn(entry) << 12
	}
	spa, f := w.implicit(at+16*index[0], false)
	if f != nil {
		return nil, inProcessDirectory(f)
	}
	var raw [2]uint64
	if err := u.load(spa, raw[:]); err != nil {
		return nil, w.fault(failed(err, CausePDTAccessFault, CausePDTCorrupt))
	}
	c := processContext{d.Device, process, raw[0], raw[1]}
	switch {
	case c.TA&pcV == 0:
		return nil, w.fault(CausePDTInvalid)
	case c.TA&pcReserved != 0 || c.FSC&rootReserved != 0 || mode(c.FSC) != modeBare && !pagedMode(c.FSC):
		return nil, w.fault(CausePDTMisconfigured)
	}
	u.processes.add(c)
	return &c, nil
}

// inProcessDirectory makes an access fault or damaged data of the second stage one of
// the directory (section 2.3.2); guest-page faults stay what they are.
func inProcessDirectory(f *Fault) *Fault {
	switch f.Cause {
	case CauseInstructionAccessFault, CauseReadAccessFault, CauseWriteAccessFault:
		f.Cause = CausePDTAccessFault
	case CauseTableCorrupt:
		f.Cause = CausePDTCorrupt
	}
	return f
}
