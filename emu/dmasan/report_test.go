// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"vdev/emu/mem"
	"vdev/emu/symbols"
	"vdev/mmio"
)

// update rewrites the expected reports.
func update() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite testdata with what is reported now")
	flag.Parse()
	os.Exit(m.Run())
}

// names is a Resolver for the places of a script: each step is a line of a file.
type names struct{}

func (names) Task(task, satp uint64) (symbols.Task, bool) {
	return symbols.Task{PID: 40 + int(task), TGID: 40, Comm: "prog"}, true
}

func (names) Trace(s *symbols.Stack, task *symbols.Task) symbols.Trace {
	t := symbols.Trace{Task: task}
	for _, pc := range s.Kernel {
		step := int(pc & 0xffff / 4)
		t.Kernel = append(t.Kernel,
			symbols.Frame{PC: pc, Func: "inner", File: "drivers/disk.c", Line: 7, Inline: true, Module: "disk"},
			symbols.Frame{PC: pc, Func: fmt.Sprintf("step%d", step), Offset: 4, File: "drivers/disk.c", Line: 100 + step, Module: "disk"})
	}
	if s.HasUser {
		step := int(s.User.PC & 0xffff / 4)
		t.User = []symbols.Frame{{PC: s.User.PC, Func: "main.main", Offset: 8, File: "/src/main.go", Line: 10 + step}}
		t.Binary = "/bin/prog"
	}
	return t
}

// named is a rig with a resolver.
func named(t *testing.T, user, latent bool) *rig {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, latent)
	r.san.cfg.Resolver = func() symbols.Resolver { return names{} }
	if user {
		r.regs.Priv, r.regs.Sscratch, r.regs.SP = symbols.User, 1, 0x1000
	}
	return r
}

func TestText(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script script
		user   bool
		latent bool
	}{
		{"kernel", "C0 W0.4+8 J d0 D1 W1.0+1 C1 I1 R1.2+1 R1.2+1", false, false},
		{"user", "C0 C1 D0 R0.8+4 I0 D0 R0 W1.0+8 I1 d1.4+16 F2 w2.0+1 R2.0+1", true, false},
		{"again", "C0 D0 R0 R0 D0 R0 W1 d1 d1", true, false},
		{"latent", "W0 C0 @2 W0 J d0 D1 D1.0+8 D2 I2", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := named(t, tt.user, tt.latent)
			for i, s := range tt.script.steps(t) {
				r.do(i, s)
			}
			r.san.Finish()
			file := filepath.Join("testdata", tt.name+".txt")
			if update() {
				if err := os.WriteFile(file, r.text.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(r.text.Bytes(), want) {
				t.Errorf("got:\n%s\nwant:\n%s", r.text.Bytes(), want)
			}
			for _, f := range r.san.Reports() {
				if !strings.HasPrefix(f.Title(), "BUG: vdev: "+f.Code.String()) || strings.Contains(f.Title(), "\n") {
					t.Errorf("title %q", f.Title())
				}
			}
		})
	}
}

// Each line of JSON has the fields of its type, no others, and says what the report
// says.
func TestJSON(t *testing.T) {
	for _, tt := range scripts {
		r := named(t, true, true)
		for i, s := range tt.script.steps(t) {
			r.do(i, s)
		}
		r.san.Finish()
		ids := 0
		for line := range bytes.Lines(r.json.Bytes()) {
			var kind struct{ Type string }
			if err := json.Unmarshal(line, &kind); err != nil {
				t.Fatalf("%s: %v in %s", tt.name, err, line)
			}
			d := json.NewDecoder(bytes.NewReader(line))
			d.DisallowUnknownFields()
			switch kind.Type {
			case "report":
				var j jsonReport
				if err := d.Decode(&j); err != nil {
					t.Fatalf("%s: %v in %s", tt.name, err, line)
				}
				ids++
				f := r.san.Reports()[ids-1]
				if j.ID != ids || f.ID != ids || j.Version != SchemaVersion || j.Code != f.Code.String() || j.Latent != f.Latent ||
					j.Title != f.Title() || j.Missing != f.Missing || j.Explain == "" || j.This == nil ||
					time.Duration(j.TimeNS) != f.At || j.Memory.Addr != fmt.Sprintf("%#x", uint64(f.Bytes.Addr)) {
					t.Errorf("%s: %s", tt.name, line)
				}
				if a := j.This; (a.Hart == nil) != (a.Device != "") || a.Hart != nil && (a.Task == nil || len(a.User) == 0 || a.Binary == "") {
					t.Errorf("%s: this is %+v", tt.name, a)
				}
			case "count":
				var j jsonCount
				if err := d.Decode(&j); err != nil {
					t.Fatalf("%s: %v in %s", tt.name, err, line)
				}
				if j.ID < 1 || j.ID > ids || j.Count != r.san.Reports()[j.ID-1].Count || j.Count < 2 {
					t.Errorf("%s: %s", tt.name, line)
				}
			default:
				t.Errorf("%s: a line of type %q", tt.name, kind.Type)
			}
		}
		if ids != len(r.san.Reports()) {
			t.Errorf("%s: %d of %d reports in JSON", tt.name, ids, len(r.san.Reports()))
		}
	}
}

// The schema is what tools rely on: a field that changes needs another version.
func TestSchema(t *testing.T) {
	var b strings.Builder
	var describe func(prefix string, typ reflect.Type)
	describe = func(prefix string, typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			fmt.Fprintf(&b, "%s %s\n", prefix, typ.Kind())
			return
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
			path := prefix + "." + name
			if strings.Contains(opts, "omitempty") {
				path += "?"
			}
			if f.Type == reflect.TypeFor[*jsonAccess]() {
				fmt.Fprintf(&b, "%s access\n", path)
				continue
			}
			describe(path, f.Type)
		}
	}
	describe(fmt.Sprintf("v%d report", SchemaVersion), reflect.TypeFor[jsonReport]())
	describe("access", reflect.TypeFor[jsonAccess]())
	describe(fmt.Sprintf("v%d count", SchemaVersion), reflect.TypeFor[jsonCount]())
	file := filepath.Join("testdata", "schema.txt")
	if update() {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the schema is now\n%s\nand was\n%s", b.String(), want)
	}
}

// Names are looked for when there is something to name, and not before.
func TestResolverIsLazy(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	asked := 0
	r.san.cfg.Resolver = func() symbols.Resolver { asked++; return nil }
	play := func(s script) {
		for i, st := range s.steps(t) {
			r.do(i, st)
		}
	}
	play("W0 C0 J d0 D0 I0 R0 F1 w1 r1")
	if asked != 0 {
		t.Error("names were asked for without a report")
	}
	play("W0 d0 W2 d2")
	if asked != 1 || r.san.Errors() == 0 {
		t.Errorf("names were asked for %d times, %d errors", asked, r.san.Errors())
	}
}

// The same places make one report; another place makes another.
func TestDeduplication(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	for range 5 {
		for i, s := range script("W0 C0 D0 R0.0+1 R0.1+1 I0").steps(t) {
			r.do(i, s)
		}
	}
	got := r.san.Reports()
	if len(got) != 2 || got[0].Count != 5 || got[1].Count != 5 {
		t.Errorf("%d reports: %s", len(got), r.verdict())
	}
	if n := strings.Count(r.text.String(), "BUG: vdev: "); n != 2 {
		t.Errorf("%d reports were printed", n)
	}
}

// Maintenance of many lines in one go is one access, and says how many.
func TestCoverage(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	write := func(lines ...int) {
		for _, l := range lines {
			r.now += time.Millisecond
			r.must(r.mem.Write(rigBase+mem.PageSize+64*mmio.PhysAddr(l), []byte{1}))
		}
	}
	clean := func() {
		r.now += time.Millisecond
		r.regs.PC += 4
		for l := range 8 {
			r.now += 10 * time.Nanosecond
			r.must(r.mem.CBO(mem.OpClean, rigBase+mem.PageSize+64*mmio.PhysAddr(l)))
		}
	}
	clean()
	write(1, 2, 5)
	clean()
	write(3)
	r.must(r.dev.ReadDMA(mmio.IOVA(rigBase+mem.PageSize+3*64), make([]byte, 1)) == nil)
	if len(r.san.Reports()) != 1 {
		t.Fatal(r.verdict())
	}
	m := r.san.Reports()[0].LastMaintenance
	if m.Lines != 8 || m.Dirty != 3 || m.Stale != 0 || m.First != rigBase+mem.PageSize || m.Last != m.First+7*64 {
		t.Errorf("%+v", m)
	}
}
