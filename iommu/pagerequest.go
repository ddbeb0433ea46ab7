// SPDX-License-Identifier: Apache-2.0

package iommu

// PageRequest is a PCIe "Page Request" or "Stop Marker" message (section 3.3).
type PageRequest struct {
	DeviceID            uint32
	HasProcess          bool
	ProcessID           uint32
	Privileged, Execute bool // mean nothing without a process
	// Payload has R, W and L (last in its group) in bits 0 to 2, the group's index in bits
	// 11:3 and the page address above.
	Payload uint64
}

// PageResponse is the IOMMU's own answer to a page request.
type PageResponse uint8

// The answers (section 2.7).
const (
	PageQueued  PageResponse = iota // none: software will answer
	PageDropped                     // none: the message does not ask for one
	PageSuccess                     // success, though the queue is full: ask again
	PageInvalid                     // Invalid Request
	PageFailure                     // Response Failure
)

const (
	pageRequestBits = 7 // R, W, L
	pageLast        = 4
)

// RequestPage takes a page request from a device (section 2.7). What it returns, unless
// it is PageQueued or PageDropped, has been sent to the device as a Message.
func (u *IOMMU) RequestPage(p PageRequest) PageResponse {
	r := Request{DeviceID: p.DeviceID & (1<<24 - 1), Type: MessageRequest, HasProcess: p.HasProcess,
		ProcessID: p.ProcessID & 0xf_ffff, Privileged: p.HasProcess && p.Privileged, Addr: pageRequestCode}
	answer, prpr := u.queuePage(&p, &r)
	switch {
	case answer == PageQueued:
		return answer
	case p.Payload&pageLast == 0, p.HasProcess && p.Payload&pageRequestBits == pageLast:
		// Only the last request of a group is answered, and a stop marker never is.
		return PageDropped
	}
	m := Message{Device: uint16(r.DeviceID), Segment: uint8(r.DeviceID >> 16), HasSegment: r.DeviceID>>16 != 0,
		Payload: answer.code()<<44 | p.Payload>>3&(1<<9-1)<<32}
	if r.HasProcess && (prpr || answer == PageFailure) {
		m.HasProcess, m.ProcessID = true, r.ProcessID
	}
	u.send(m)
	return answer
}

// code is the answer as PCIe encodes it.
func (a PageResponse) code() uint64 {
	switch a {
	case PageInvalid:
		return 1
	case PageFailure:
		return 15
	}
	return 0
}

// pageRequestCode is PCIe's message code, which fault records hold as iotval.
const pageRequestCode = 4

// queuePage also returns the device context's PRPR: whether the answer names the
// process.
func (u *IOMMU) queuePage(p *PageRequest, r *Request) (a PageResponse, prpr bool) {
	refuse := func(c Cause, dtf bool, a PageResponse) (PageResponse, bool) {
		u.report(&Fault{Cause: c, Request: *r}, dtf)
		return a, prpr
	}
	switch mode := u.Get(regDdtp) & 15; {
	case mode == ddtpOff:
		return refuse(CauseAllDisallowed, false, PageFailure)
	case mode == ddtpBare || !u.reaches(r.DeviceID):
		return refuse(CauseTypeDisallowed, false, PageInvalid)
	}
	d, cause := u.findDevice(r.DeviceID, &ids{device: r.DeviceID, process: r.ProcessID, hasProcess: r.HasProcess})
	if cause != 0 {
		return refuse(cause, false, PageFailure)
	}
	prpr = d.TC&tcPRPR != 0
	if d.TC&(tcATS|tcPRI) != tcATS|tcPRI {
		return refuse(CauseTypeDisallowed, d.TC&tcDTF != 0, PageInvalid)
	}
	head := uint64(r.DeviceID) << 40
	if r.HasProcess {
		head |= uint64(r.ProcessID)<<12 | 1<<32
		if r.Privileged {
			head |= 1 << 33
		}
		if p.Execute {
			head |= 1 << 34
		}
	}
	if u.pq.push([]uint64{head, p.Payload}) {
		return PageQueued, prpr
	}
	if csr := u.Get(regPqcsr); csr&csrOn == 0 || csr&csrMemFault != 0 {
		return PageFailure, prpr
	}
	return PageSuccess, prpr
}
