// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// documented is which errors each function and method says that it returns.
type documented map[string][]string

// read takes them from the comments of the package's source.
func readErrors(t tester) documented {
	d := documented{}
	text := map[string]string{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && !strings.HasSuffix(name, "_test.go") {
				text[funcName(f)] = f.Doc.Text()
			}
		}
	}
	symbol, refer := regexp.MustCompile(`\bE[A-Z]{3,}\b`), regexp.MustCompile(`those of (?:(\w+)\.)?(\w+)`)
	list := regexp.MustCompile(`(?:E[A-Z]+, )*E[A-Z]+: `) // where the list of errors begins
	var all func(name string, depth int) []string
	all = func(name string, depth int) []string {
		doc := strings.Join(strings.Fields(text[name]), " ")
		var errs []string
		if at := list.FindStringIndex(doc); at != nil {
			errs = symbol.FindAllString(doc[at[0]:], -1)
		}
		for _, m := range refer.FindAllStringSubmatch(doc, -1) {
			typ := m[1]
			if typ == "" {
				typ, _, _ = strings.Cut(name, ".")
			}
			if to := typ + "." + m[2]; text[to] != "" && depth < 4 {
				errs = append(errs, all(to, depth+1)...)
			}
		}
		return errs
	}
	for name := range text {
		d[name] = all(name, 0)
	}
	return d
}

// funcName is "Type.Method" or "Func".
func funcName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	typ := f.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name + "." + f.Name.Name
	}
	return "?." + f.Name.Name
}

// fuzzer makes calls with arguments out of bytes. Objects that are gone stay among
// those that it uses.
type fuzzer struct {
	*rig
	in      *bytes.Reader
	docs    documented
	clients []*Client
	devices []*Device
	buffers []*Buffer
	atts    []*Attachment
	syncs   []*SyncObject
	fences  []*Fence
	jobs    []*Job
	waits   []*outcome
	calls   map[*Wait]string // those that wait
	results map[string]map[error]int
}

func (f *fuzzer) byte() int {
	b, _ := f.in.ReadByte()
	return int(b)
}

func (f *fuzzer) u64() uint64 {
	switch k := f.byte(); k % 4 {
	case 0:
		return uint64(k / 4)
	case 1:
		return uint64(f.byte()) * 100
	case 2: // around what matters
		return []uint64{0, PageSize, LineSize, mib, MaxSize, 1 << 32, 1 << 63, ^uint64(0)}[k/4%8] + uint64(f.byte()%5) - 2
	}
	var b [8]byte
	_, _ = f.in.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

func pick[T any](f *fuzzer, s []T) T { return s[f.byte()%len(s)] }

func (f *fuzzer) rng() Range {
	switch f.byte() % 4 {
	case 0:
		return Range{f.u64(), f.u64()}
	case 1:
		return Range{50, 50}
	}
	return Range{0, 100}
}

func (f *fuzzer) access() Access { return Access(f.byte() % 9) }

func (f *fuzzer) wait() *Wait {
	if f.byte()%3 == 0 {
		return nil
	}
	w := pick(f, f.waits)
	if !w.Waiting() {
		w.Timeout = time.Duration(f.byte()-10) * time.Microsecond
	}
	return &w.Wait
}

// result checks that the error is one that the function tells of.
func (f *fuzzer) result(name string, err error) bool {
	if f.results[name] == nil {
		f.results[name] = map[error]int{}
	}
	f.results[name][err]++
	var e Errno
	if err != nil && (!errors.As(err, &e) || !slices.Contains(f.docs[name], e.String())) {
		f.Fatalf("%s returns %v, which it does not document: %v", name, err, f.docs[name])
	}
	return err == nil
}

const fuzzObjects = 40

func (f *fuzzer) step() {
	cl, b, a, s := pick(f, f.clients), pick(f, f.buffers), pick(f, f.atts), pick(f, f.syncs)
	fe, j, d := pick(f, f.fences), pick(f, f.jobs), pick(f, f.devices)
	switch f.byte() % 44 {
	case 0:
		if n, err := f.NewClient(Task{uint64(f.byte() % 4), "t"}); f.result("Core.NewClient", err) {
			f.clients = append(f.clients, n)
		}
	case 1:
		f.result("Client.Close", cl.Close())
	case 2, 3:
		sp := Spec{Size: f.u64()}
		if f.byte()%8 == 0 {
			sp.Size = 15 * mib // there is not enough for many
		}
		if f.byte()%4 == 0 {
			sp.Size %= 1 << 30 // real memory, as the host has to see to
			for n := f.byte() % 3; n >= 0; n-- {
				sp.Backing = append(sp.Backing, Extent{f.u64(), min(f.u64(), 1<<20)})
			}
			if f.byte()%2 == 0 {
				sp.Backing, sp.Size = []Extent{{f.addr() &^ (PageSize - 1), PageSize}}, PageSize
			}
		}
		if n, err := cl.NewBuffer(sp); f.result("Client.NewBuffer", err) {
			f.buffers = append(f.buffers, n)
		}
	case 4:
		if f.byte()%2 == 0 {
			f.result("Buffer.Populate", b.Populate())
		} else {
			f.result("Client.Open", cl.Open(b))
		}
	case 5:
		f.result("Client.Release", cl.Release(b))
	case 6:
		f.result("Buffer.MarkPending", b.MarkPending(cl))
	case 7:
		f.result("Buffer.ClearPending", b.ClearPending(cl))
	case 8:
		f.result("Buffer.BeginCPU", b.BeginCPU(cl, f.rng(), f.access()))
	case 9:
		f.result("Buffer.EndCPU", b.EndCPU(cl, f.rng(), f.access()))
	case 10:
		if k := b.Kmap(cl, f.u64()); k.Bogus != (k.Addr == poison) {
			f.Fatalf("kmap %+v", k)
		}
	case 11:
		f.result("Buffer.Kunmap", b.Kunmap(cl, f.u64()))
	case 12:
		_, err := b.KmapAtomic(cl, f.u64())
		f.result("Buffer.KmapAtomic", err)
	case 13:
		f.result("Buffer.KunmapAtomic", b.KunmapAtomic(cl, f.u64()))
	case 14, 15:
		f.called("Buffer.Prep", f.wait(), func(w *Wait) error { return b.Prep(cl, f.rng(), f.access(), PrepFlags(f.byte()%3), w) })
	case 16:
		f.result("Buffer.Fini", b.Fini(cl))
	case 17:
		k := Constraints{f.byte()%2 == 0, f.byte()%2 == 0, f.u64(), f.u64(), f.u64(), f.byte()%2 == 0}
		if f.byte()%2 == 0 {
			k = Constraints{AddressLimit: lowLimit}
		}
		o := AttachOptions{Persistent: f.byte()%2 == 0}
		if f.byte()%2 == 0 {
			o.Constraints = &k
		}
		if n, err := b.Attach(cl, d, o); f.result("Buffer.Attach", err) {
			f.atts = append(f.atts, n)
		}
	case 18, 19:
		_, err := a.Map(Direction(f.byte() % 4))
		f.result("Attachment.Map", err)
	case 20:
		f.result("Attachment.Bind", a.Bind([]Extent{{f.u64(), f.u64()}}))
	case 21:
		f.result("Attachment.Unmap", a.Unmap(Direction(f.byte()%4)))
	case 22:
		f.result("Attachment.Detach", a.Detach())
	case 23:
		if n, err := cl.NewSync(SyncOptions{Timeout: time.Duration(f.byte()-100) * time.Microsecond, Backoff: f.byte()%2 == 0}); f.result("Client.NewSync", err) {
			f.syncs = append(f.syncs, n)
		}
	case 24, 25:
		f.result("SyncObject.Get", s.Get(b, f.access()))
	case 26:
		f.result("SyncObject.Put", s.Put(b))
	case 27:
		f.result("SyncObject.PutAll", s.PutAll())
	case 28, 29:
		f.called("SyncObject.Lock", f.wait(), func(w *Wait) error { return s.Lock(cl, w) })
	case 30:
		f.result("SyncObject.Unlock", s.Unlock(cl))
	case 31:
		f.result("SyncObject.Fini", s.Fini())
	case 32:
		if n, err := cl.NewFence("f"); f.result("Client.NewFence", err) {
			f.fences = append(f.fences, n)
		}
	case 33:
		if n, err := cl.MergeFences("m", fe, pick(f, f.fences)); f.result("Client.MergeFences", err) {
			f.fences = append(f.fences, n)
		}
	case 34:
		f.result("Fence.Signal", fe.Signal([]Errno{0, ETIMEDOUT, ECANCELED}[f.byte()%3]))
	case 35:
		f.result("Fence.Close", fe.Close())
	case 36:
		f.called("Fence.Wait", f.wait(), func(w *Wait) error { return fe.Wait(cl, w) })
	case 37:
		f.result("Buffer.AddFence", b.AddFence(fe, f.access()))
	case 38:
		f.called("Buffer.WaitFences", f.wait(), func(w *Wait) error { return b.WaitFences(cl, f.access(), w) })
	case 39:
		switch f.byte() % 5 {
		case 0:
			f.jobs = append(f.jobs, d.NewJob("j", f.byte()%2 == 0))
		case 1:
			f.result("Job.Clear", j.Clear())
		default:
			f.result("Job.Use", j.Use(b, f.rng(), f.access()))
		}
	case 40:
		switch f.byte() % 4 {
		case 0, 1:
			f.called("Job.Start", f.wait(), j.Start)
		case 2:
			f.result("Job.Finish", j.Finish())
		case 3:
			f.result("Job.Abort", j.Abort())
		}
	case 41:
		acc := DMAAccess{Addr: f.addr(), Len: f.u64() % (4 * mib), Write: f.byte()%2 == 0}
		switch f.byte() % 3 {
		case 0:
			d.ObserveDMA(acc)
		case 1:
			d.DMAFault(acc)
		case 2:
			f.ObserveCPU(CPUAccess{Task: Task{ID: uint64(f.byte() % 4)}, Addr: acc.Addr, Len: acc.Len, Write: acc.Write})
		}
	case 42:
		switch f.byte() % 3 {
		case 0:
			pick(f, f.waits).Interrupt()
		case 1:
			f.clock.advance(time.Duration(f.byte()) * time.Microsecond)
		case 2:
			f.SetMode(Mode(f.byte() % 3))
		}
	case 43:
		id := ID(f.byte())
		for name, err := range map[string]error{
			"Client": second(f.Core.Client(id)), "Device": second(f.Core.Device(id)), "Buffer": second(f.Core.Buffer(id)),
			"Attachment": second(f.Core.Attachment(id)), "SyncObject": second(f.Core.SyncObject(id)), "Fence": second(f.Core.Fence(id)),
		} {
			if err != nil && err != EBADF && err != EINVAL {
				f.Fatalf("%s: %v", name, err)
			}
		}
		f.Buffers()
	}
}

func second[T any](_ T, err error) error { return err }

// addr is a physical address, mostly one where something is.
func (f *fuzzer) addr() uint64 {
	if b := pick(f, f.buffers); f.byte()%4 != 0 && b.backing != nil {
		return b.backing[0].Addr + f.u64()%(b.spec.Size+2*PageSize) - PageSize
	}
	return f.u64()
}

// called makes a call that may wait. What comes of a wait must be documented, too.
func (f *fuzzer) called(name string, w *Wait, call func(*Wait) error) {
	err := call(w)
	f.result(name, err)
	if err == EINPROGRESS {
		f.calls[w] = name
	}
}

// fuzz makes the calls that the bytes stand for.
func fuzz(t tester, docs documented, in []byte) *fuzzer {
	f := &fuzzer{docs: docs, in: bytes.NewReader(in), results: map[string]map[error]int{}, calls: map[*Wait]string{}}
	f.rig = newRig(t, func(c *Config) { c.MaxObjects = fuzzObjects; c.LockupTimeout = 100 * time.Microsecond })
	cl := f.client(1, "first")
	f.clients = []*Client{cl, f.client(2, "second")}
	f.devices = []*Device{f.device("d0", Constraints{}), must(f.NewDevice(DeviceSpec{Name: "d1", Coherent: true}))}
	f.buffers = []*Buffer{must(cl.NewBuffer(Spec{Size: 3 * PageSize})), must(cl.NewBuffer(Spec{Size: 100}))}
	f.atts = []*Attachment{must(f.buffers[0].Attach(cl, f.devices[0], AttachOptions{}))}
	f.syncs = []*SyncObject{f.sync(cl, SyncOptions{}, Write, f.buffers...), f.sync(f.clients[1], SyncOptions{}, Read, f.buffers[1], f.buffers[0])}
	f.fences = []*Fence{must(cl.NewFence("f"))}
	f.jobs = []*Job{f.devices[0].NewJob("j", false)}
	for range 6 {
		w := &outcome{}
		w.Done = func(err error) { f.result(f.calls[&w.Wait], err) }
		f.waits = append(f.waits, w)
	}
	for f.in.Len() > 0 {
		f.step()
	}
	for _, j := range f.jobs {
		_ = j.Abort()
		_ = j.Clear()
	}
	f.nothingLeft()
	for _, w := range f.waits {
		if w.Waiting() {
			f.Fatalf("a wait is left over")
		}
	}
	return f
}

func FuzzCalls(f *testing.F) {
	docs := readErrors(f)
	for seed := range uint64(20) {
		f.Add(noise(seed, 2000))
	}
	f.Fuzz(func(t *testing.T, in []byte) { fuzz(t, docs, in) })
}

func noise(seed uint64, n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

// The same with a fixed set of inputs, which must reach most of what is documented:
// a comment that promises an error that never comes is as wrong as the opposite.
func TestCallsReachTheirErrors(t *testing.T) {
	docs := readErrors(t)
	got := map[string]map[string]bool{}
	// What noise hardly ever brings about has tests of its own.
	rare := map[string]bool{"SyncObject.Lock EDEADLK": true, "Job.Start EINTR": true,
		"Buffer.WaitFences EINTR": true, "Buffer.Attach ENOMEM": true, "Buffer.AddFence ENFILE": true}
	runs := uint64(3000)
	if testing.Short() {
		runs = 300
	}
	for seed := range runs {
		for name, errs := range fuzz(t, docs, noise(seed, 3000)).results {
			if got[name] == nil {
				got[name] = map[string]bool{}
			}
			for err := range errs {
				if err != nil {
					got[name][err.Error()] = true
				} else {
					got[name]["success"] = true
				}
			}
		}
	}
	for name, errs := range got {
		if testing.Short() {
			break // not enough of them
		}
		if !errs["success"] {
			t.Errorf("%s never succeeds", name)
		}
		for _, e := range slices.Compact(slices.Sorted(slices.Values(docs[name]))) {
			if !errs[e] && !rare[name+" "+e] {
				t.Errorf("%s never returned %s", name, e)
			}
		}
	}
}
