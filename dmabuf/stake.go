// SPDX-License-Identifier: Apache-2.0

package dmabuf

// stake is what a task has to do with a buffer's lock, so that nobody has to look among
// all who have: an access by CPU is that of a task, whatever its clients are.
type stake struct {
	stakeKey
	objects          int // sync objects of the task that the buffer is in
	reading, writing int // locks that it has, also those of others' objects
}

type stakeKey struct {
	buf  *Buffer
	task uint64
}

// stakeOf is the task's stake in the buffer; nil for none.
func (b *Buffer) stakeOf(task uint64) *stake {
	if b.members.n == 0 {
		return nil
	}
	return b.core.stakes[stakeKey{b, task}]
}

// makeStake is the same, and makes one if need be; nil for devices and tasks that are not
// known.
func (b *Buffer) makeStake(t Task, d *Device) *stake {
	if d != nil || t.ID == 0 {
		return nil
	}
	s := b.stakeOf(t.ID)
	if s == nil {
		s = &stake{stakeKey: stakeKey{b, t.ID}}
		b.core.stakes[s.stakeKey] = s
	}
	return s
}

// isOf tells whether it is that task's.
func (s *stake) isOf(t Task) bool { return s != nil && s.task == t.ID }

// takesPart tells whether the task uses locks for the buffer.
func (s *stake) takesPart() bool { return s != nil && s.objects > 0 }

// holds tells whether it has the lock.
func (s *stake) holds() bool { return s != nil && s.reading+s.writing > 0 }

// countObject takes n sync objects of the task into account.
func (s *stake) countObject(n int) {
	if s != nil {
		s.objects += n
		s.dropIfEmpty()
	}
}

// countLock takes n locks for an access into account.
func (s *stake) countLock(a Access, n int) {
	if s == nil {
		return
	}
	if a.writes() {
		s.writing += n
	} else {
		s.reading += n
	}
	s.dropIfEmpty()
}

func (s *stake) dropIfEmpty() {
	if s.objects == 0 && !s.holds() {
		delete(s.buf.core.stakes, s.stakeKey)
	}
}
