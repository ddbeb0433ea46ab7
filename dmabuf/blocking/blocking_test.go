// SPDX-License-Identifier: Apache-2.0

package blocking

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"vdev/dmabuf"
)

const (
	mib  = 1 << 20
	page = dmabuf.PageSize
)

func newCore(change ...func(*dmabuf.Config)) *Core {
	cfg := dmabuf.Config{Pool: dmabuf.NewPagePool(dmabuf.Extent{Addr: mib, Len: 16 * mib}), Mode: dmabuf.Enforce}
	for _, f := range change {
		f(&cfg)
	}
	return New(cfg)
}

// do calls f, whose errors the test does not expect.
func do(t testing.TB, c *Core, f func(core *dmabuf.Core) error) {
	t.Helper()
	if err := c.Do(f); err != nil {
		t.Error(err)
	}
}

// setup makes a client for each task, and buffers that the first one has.
func setup(t testing.TB, c *Core, tasks, buffers int) (clients []*dmabuf.Client, all []*dmabuf.Buffer) {
	t.Helper()
	do(t, c, func(core *dmabuf.Core) error {
		for i := range tasks {
			cl, err := core.NewClient(dmabuf.Task{ID: uint64(i + 1), Name: fmt.Sprint("task", i)})
			if err != nil {
				return err
			}
			clients = append(clients, cl)
		}
		for range buffers {
			b, err := clients[0].NewBuffer(dmabuf.Spec{Size: page})
			if err != nil {
				return err
			}
			all = append(all, b)
		}
		return nil
	})
	return clients, all
}

// object makes a sync object.
func object(t testing.TB, c *Core, cl *dmabuf.Client, a dmabuf.Access, buffers ...*dmabuf.Buffer) (s *dmabuf.SyncObject) {
	t.Helper()
	do(t, c, func(*dmabuf.Core) (err error) {
		if s, err = cl.NewSync(dmabuf.SyncOptions{}); err != nil {
			return err
		}
		for _, b := range buffers {
			err = errors.Join(err, s.Get(b, a))
		}
		return err
	})
	return s
}

// Goroutines lock and prepare buffers in any order, are interrupted, and die; devices
// work on the same buffers. What the locks protect are plain variables, so that the
// race detector judges, too.
func TestHammer(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 300
	}
	c := newCore()
	clients, buffers := setup(t, c, 9, 4)
	var inside [4]int // guarded by the buffers' locks
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range rounds / 10 { // lives
				var cl *dmabuf.Client
				do(t, c, func(core *dmabuf.Core) (err error) {
					cl, err = core.NewClient(dmabuf.Task{ID: uint64(100 + i)})
					return err
				})
				order := r.Perm(4)[:1+r.IntN(4)]
				write := r.IntN(3) > 0
				access := map[bool]dmabuf.Access{true: dmabuf.Write, false: dmabuf.Read}[write]
				var set []*dmabuf.Buffer
				for _, n := range order {
					set = append(set, buffers[n])
				}
				s := object(t, c, cl, access, set...)
				for range 10 {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(200))*time.Microsecond)
					err := c.Wait(ctx, func(w *dmabuf.Wait) error { return s.Lock(cl, w) })
					cancel()
					if err == dmabuf.ETIMEDOUT {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					for _, n := range order {
						if write {
							inside[n]++
						} else {
							_ = inside[n]
						}
					}
					if r.IntN(20) == 0 {
						break // dies with it
					}
					do(t, c, func(*dmabuf.Core) error { return s.Unlock(cl) })
				}
				do(t, c, func(*dmabuf.Core) error { return cl.Close() })
			}
		})
	}
	for i := range 2 { // devices, and tasks that prepare what they use
		cl := clients[1+i]
		var job *dmabuf.Job
		do(t, c, func(core *dmabuf.Core) error {
			d, err := core.NewDevice(dmabuf.DeviceSpec{Name: fmt.Sprint("dev", i)})
			job = d.NewJob("job", false)
			return errors.Join(err, job.Use(buffers[i], dmabuf.Whole(page), dmabuf.Write), job.Use(buffers[3-i], dmabuf.Whole(page), dmabuf.Read))
		})
		wg.Go(func() {
			for range rounds {
				if err := c.Wait(context.Background(), job.Start); err != nil {
					t.Error(err)
				}
				inside[i]++
				_ = inside[3-i]
				do(t, c, func(*dmabuf.Core) error { return job.Finish() })
			}
			do(t, c, func(*dmabuf.Core) error { return job.Clear() })
		})
		wg.Go(func() {
			for range rounds {
				err := c.Wait(context.Background(), func(w *dmabuf.Wait) error {
					return buffers[i].Prep(cl, dmabuf.Whole(page), dmabuf.Write, 0, w)
				})
				if err != nil {
					t.Error(err)
				}
				do(t, c, func(*dmabuf.Core) error { return buffers[i].Fini(cl) })
			}
		})
	}
	wg.Wait()
	do(t, c, func(core *dmabuf.Core) error {
		for _, cl := range clients {
			if err := cl.Close(); err != nil {
				return err
			}
		}
		s := core.Stats()
		if s.Buffers+s.Clients+s.SyncObjects+s.Locked+s.Waits+s.Jobs+s.CPUAccesses+s.Pages != 0 {
			t.Errorf("left: %+v", s)
		}
		t.Logf("%d locks, %d back-offs", s.Locks, s.Backoffs)
		return nil
	})
}

// held is a buffer that one task has locked, and what another does to lock it.
func held(t *testing.T, lockup time.Duration) (holder func(f func(*dmabuf.SyncObject, *dmabuf.Client) error) error,
	lock func(ctx context.Context, timeout time.Duration) error) {
	c := newCore(func(cfg *dmabuf.Config) { cfg.LockupTimeout = lockup })
	clients, buffers := setup(t, c, 2, 1)
	one, other := object(t, c, clients[0], dmabuf.Write, buffers[0]), object(t, c, clients[1], dmabuf.Write, buffers[0])
	do(t, c, func(*dmabuf.Core) error { return one.Lock(clients[0], nil) })
	return func(f func(*dmabuf.SyncObject, *dmabuf.Client) error) error {
			return c.Do(func(*dmabuf.Core) error { return f(one, clients[0]) })
		}, func(ctx context.Context, timeout time.Duration) error {
			return c.Wait(ctx, func(w *dmabuf.Wait) error { w.Timeout = timeout; return other.Lock(clients[1], w) })
		}
}

// Timeouts and contexts, on the host's clock.
func TestTime(t *testing.T) {
	holder, lock := held(t, -1)
	short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	over, stop := context.WithCancel(context.Background())
	stop()
	for _, test := range []struct {
		name    string
		ctx     context.Context
		timeout time.Duration
		want    error
	}{
		{"timeout", context.Background(), time.Millisecond, dmabuf.ETIMEDOUT},
		{"deadline", short, 0, dmabuf.ETIMEDOUT},
		{"cancelled", over, 0, dmabuf.EINTR},
	} {
		if err := lock(test.ctx, test.timeout); err != test.want {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	if err := holder((*dmabuf.SyncObject).Unlock); err != nil {
		t.Errorf("unlock: %v", err)
	}
}

func TestLockupOnHostClock(t *testing.T) {
	holder, lock := held(t, 20*time.Millisecond)
	if err := lock(context.Background(), 0); err != nil {
		t.Errorf("lock: %v", err)
	}
	if err := holder((*dmabuf.SyncObject).Unlock); err != dmabuf.EOWNERDEAD {
		t.Errorf("the holder is told %v", err)
	}
}

func Example() {
	c := New(dmabuf.Config{Pool: dmabuf.NewPagePool(dmabuf.Extent{Addr: 0x8000_0000, Len: 64 << 20})})
	var app *dmabuf.Client
	var frame *dmabuf.Buffer
	var camera *dmabuf.Attachment
	err := c.Do(func(core *dmabuf.Core) (err error) {
		app, _ = core.NewClient(dmabuf.Task{ID: 1, Name: "app"})
		dev, _ := core.NewDevice(dmabuf.DeviceSpec{Name: "camera", Constraints: dmabuf.Constraints{Contiguous: true}})
		frame, _ = app.NewBuffer(dmabuf.Spec{Name: "frame", Size: 640 * 480 * 2})
		camera, _ = frame.Attach(app, dev, dmabuf.AttachOptions{})
		_, err = camera.Map(dmabuf.FromDevice) // allocates
		return err
	})
	fmt.Println("camera has it:", err)

	// Wait for the camera, not longer than a millisecond.
	prep := func(w *dmabuf.Wait) error {
		w.Timeout = time.Millisecond
		return frame.Prep(app, dmabuf.Whole(frame.Size()), dmabuf.Read, 0, w)
	}
	fmt.Println("prepare:", c.Wait(context.Background(), prep))
	_ = c.Do(func(*dmabuf.Core) error { return camera.Unmap(dmabuf.FromDevice) })
	fmt.Println("prepare:", c.Wait(context.Background(), prep))
	// Output:
	// camera has it: <nil>
	// prepare: ETIMEDOUT
	// prepare: <nil>
}
