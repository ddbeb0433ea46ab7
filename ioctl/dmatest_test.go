// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// requests pairs all request numbers with their structures, by their C names.
func requests() []struct {
	name string
	req  Request
	arg  any
	c    string
} {
	return []struct {
		name string
		req  Request
		arg  any
		c    string
	}{
		{"VDEV_DMATEST_IOC_ALLOC", VDEV_DMATEST_IOC_ALLOC, DMATestAlloc{}, "vdev_dmatest_alloc"},
		{"VDEV_DMATEST_IOC_FREE", VDEV_DMATEST_IOC_FREE, DMATestFree{}, "vdev_dmatest_free"},
		{"VDEV_DMATEST_IOC_MAP", VDEV_DMATEST_IOC_MAP, DMATestMap{}, "vdev_dmatest_map"},
		{"VDEV_DMATEST_IOC_UNMAP", VDEV_DMATEST_IOC_UNMAP, DMATestUnmap{}, "vdev_dmatest_unmap"},
		{"VDEV_DMATEST_IOC_SYNC_FOR_DEVICE", VDEV_DMATEST_IOC_SYNC_FOR_DEVICE, DMATestSync{}, "vdev_dmatest_sync"},
		{"VDEV_DMATEST_IOC_SYNC_FOR_CPU", VDEV_DMATEST_IOC_SYNC_FOR_CPU, DMATestSync{}, "vdev_dmatest_sync"},
		{"VDEV_DMATEST_IOC_RUN", VDEV_DMATEST_IOC_RUN, DMATestRun{}, "vdev_dmatest_run"},
		{"VDEV_DMATEST_IOC_WAIT", VDEV_DMATEST_IOC_WAIT, DMATestWait{}, "vdev_dmatest_wait"},
		{"VDEV_DMATEST_IOC_ACCESS", VDEV_DMATEST_IOC_ACCESS, DMATestAccess{}, "vdev_dmatest_access"},
	}
}

func TestRequestParts(t *testing.T) {
	r := VDEV_DMATEST_IOC_FREE
	if r.Size() != 8 || r.Type() != 0xd7 || r.Number() != 2 || !r.Writes() || r.Reads() {
		t.Errorf("parts of %v are wrong", r)
	}
	seen := map[Request]bool{}
	for _, q := range requests() {
		if seen[q.req] {
			t.Errorf("%s: the number %v is taken", q.name, q.req)
		}
		seen[q.req] = true
	}
}

// TestLayoutIsThatOfC compares numbers, sizes and offsets with what a C compiler
// makes of the header.
func TestLayoutIsThatOfC(t *testing.T) {
	cc, err := exec.LookPath("gcc")
	if err != nil {
		if os.Getenv("VDEV_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var c, want strings.Builder
	c.WriteString("#include <stdio.h>\n#include <stddef.h>\n#include \"vdev_dmatest.h\"\nint main(void) {\n")
	expect := func(name string, v uint64, expr string) {
		fmt.Fprintf(&c, "\tprintf(\"%s %%llu\\n\", (unsigned long long)(%s));\n", name, expr)
		fmt.Fprintf(&want, "%s %d\n", name, v)
	}
	for _, q := range requests() {
		typ := reflect.TypeOf(q.arg)
		expect(q.name, uint64(q.req), q.name)
		expect(q.name+" size", uint64(typ.Size()), "sizeof(struct "+q.c+")")
		for f := range typ.Fields() {
			if f.Name == "_" {
				continue
			}
			field := strings.ToLower(f.Name)
			for camel, snake := range map[string]string{"OffsetNC": "offset_nc", "DMAAddr": "dma_addr", "SrcOffset": "src_offset", "DstOffset": "dst_offset"} {
				if f.Name == camel {
					field = snake
				}
			}
			expect(q.name+" "+field, uint64(f.Offset), "offsetof(struct "+q.c+", "+field+")")
		}
	}
	c.WriteString("\treturn 0;\n}\n")
	dir := t.TempDir()
	file, prog := filepath.Join(dir, "a.c"), filepath.Join(dir, "a")
	if err := os.WriteFile(file, []byte(c.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-Wall", "-Werror", "-I../guest/driver", "-o", prog, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := exec.Command(prog).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, []byte(want.String())) {
		t.Errorf("C says\n%s\nGo says\n%s", got, want.String())
	}
}
