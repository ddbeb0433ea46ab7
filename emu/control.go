// SPDX-License-Identifier: Apache-2.0

package emu

// Halt ends the run at the instruction that is being executed, with reason Stopped.
// It is for functions that the machine calls while it runs, such as that of
// OnConsoleByte: what they decide is as deterministic as the run itself. Others use
// Stop.
func (m *Machine) Halt() { m.stop(Result{Reason: Stopped}) }

// Pause holds the machine up before its next round, until Resume: virtual time stands
// still, and only what is posted runs. It is to be called on the machine's goroutine.
// False if the machine is paused already.
func (m *Machine) Pause() bool {
	was := m.paused
	m.paused = true
	return !was
}

// Resume lets a paused machine go on. It is to be called on the machine's goroutine;
// false if the machine is not paused.
func (m *Machine) Resume() bool {
	if !m.paused {
		return false
	}
	m.paused = false
	m.pace.start(m.now) // the pause does not count
	return true
}

// SetIdle changes what Config.Realtime and Config.WaitInput say, from any goroutine.
// It is for input that ends: nobody is left who would care about the wall clock, or
// could wake a guest that waits for ever.
func (m *Machine) SetIdle(realtime, waitInput bool) {
	m.Post(func() {
		m.cfg.Realtime, m.cfg.WaitInput = realtime, waitInput
		m.pace.start(m.now)
	})
}

// feed is console input of which the giver wants to know when it has been taken.
type feed struct {
	end  uint64 // counted from the first byte of input ever
	done chan struct{}
}

// Feed gives the guest console bytes and returns when it has taken them all, or
// when stop is closed: then some may be lost. It keeps a fast giver from filling the
// host's memory.
func (m *Machine) Feed(stop <-chan struct{}, p []byte) {
	f := feed{done: make(chan struct{})}
	b := append([]byte(nil), p...)
	m.Post(func() {
		m.input = append(m.input, b...)
		f.end = m.inputTaken + uint64(len(m.input))
		m.feeds = append(m.feeds, f)
		m.feedConsole()
		m.tookInput(0)
	})
	select {
	case <-f.done:
	case <-stop:
	}
}

// tookInput notes that the guest has taken the next n bytes of input.
func (m *Machine) tookInput(n int) {
	m.input = m.input[n:]
	m.inputTaken += uint64(n)
	for len(m.feeds) > 0 && m.feeds[0].end <= m.inputTaken {
		close(m.feeds[0].done)
		m.feeds = m.feeds[1:]
	}
}
