// SPDX-License-Identifier: Apache-2.0

package dmabuf

// frame says whether the buffer holds a frame that nobody has read yet. What is a
// frame only its producer knows (Access Frame); to draw a picture in several passes
// is no mistake.
type frame struct {
	unread bool
	by     *Client
	side   Side // the end of the access that produced it
}

// isBy tells whether the task produced it.
func (f *frame) isBy(t Task) bool { return f.side.Kind == TaskSide && t.ID != 0 && f.side.ID == t.ID }

// matters tells whether the beginning of an access has anything to do with it.
func (f *frame) matters(a Access) bool { return f.unread && a&(Read|Frame) != 0 }

// frameBegins is called when somebody asks for the buffer for an access. Who asks to
// read is a consumer, also if the producer has it done by his own task, unless he reads
// what was there to make the next frame of it.
func (b *Buffer) frameBegins(this Side, cl *Client, a Access) {
	switch {
	case !b.frame.unread:
	case a&Read != 0 && (a&Frame == 0 || !b.frame.by.same(cl)):
		b.frame.unread = false
	case a&Frame != 0:
		b.core.violation(OverwriteUnconsumed, b, b.whole(), this, b.frame.side)
		b.frame.unread = false // it is lost, whatever becomes of the next one
	}
}

// usedFor is called when a device gets the buffer for an access that may make passes of
// a picture, but never says that it makes a frame.
func (f *frame) usedFor(a Access) {
	if a&Read != 0 {
		f.unread = false
	}
}

// readBy is called when somebody is seen to read. A producer may look at what it has
// drawn, and that is no use of the frame.
func (b *Buffer) readBy(cl *Client, a Access) {
	if b.frame.unread && a&Read != 0 && !b.frame.by.same(cl) {
		b.frame.unread = false
	}
}

// frameEnds is called when whoever has the access says that it is complete.
func (b *Buffer) frameEnds(cl *Client, a Access) {
	if a&Frame != 0 {
		b.frame = frame{!b.isRead(cl.device), cl, cl.side("end of the write of a frame", a)}
	}
}

// isRead tells whether a device other than d, or whoever a fence stands for, is using
// the buffer to read, as a display does all the time, and so may see what is written
// there without asking again.
func (b *Buffer) isRead(d *Device) bool {
	for k := b.interests.head; k != nil; k = k.next {
		if i := k.v; i.dev != d && i.transient.permits(Read) {
			return true
		}
	}
	for k := b.inUse.head; k != nil; k = k.next {
		if k.v.job.dev != d && k.v.access&Read != 0 {
			return true
		}
	}
	for k := b.fences.head; k != nil; k = k.next {
		if k.v.access&Read != 0 {
			return true
		}
	}
	return false
}
