// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"testing"

	"vdev/mmio/mmiotest"
)

// benchSide is the width and height of the pictures in benchmarks.
const benchSide = 1024

// jobs are the operations that are measured, each on benchSide² pixels.
func jobs() []struct {
	name string
	regs setting
} {
	return []struct {
		name string
		regs setting
	}{
		{"fill", setting{"BITBLT_COMMAND": cmdFill, "SF_COLOR": 0xff123456}},
		{"fill565", setting{"BITBLT_COMMAND": cmdFill, "DST_COLOR_MODE": fmtRGB565}},
		{"copy", nil},
		{"copyXRGB", setting{"SRC_COLOR_MODE": fmtXRGB8888, "DST_COLOR_MODE": fmtXRGB8888}},
		{"copyFlipped", setting{"DST_PAT_DIRECT": 1}},
		{"convert", setting{"DST_COLOR_MODE": fmtRGB565}},
		{"over", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": coeffSrcAlpha<<8 | blendInvDst}},
		{"interpolate", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": coeffSrcAlpha | coeffSrcAlpha<<8 | blendInvDst}},
		{"rop", setting{"ROP4": 0x66}},
		{"bilinear", setting{"SRC_SCALE_CTRL": scaleBilinear, "SRC_XSCALE": 0x8765, "SRC_YSCALE": 0x8765}},
		{"rotate", setting{"ROTATE": 1}},
		{"NV12", setting{"SRC_COLOR_MODE": fmtYCbCr420 | 1<<8, "SRC_PLANE2_BASE_ADDR": benchSrc + 1<<21}},
	}
}

const (
	benchSrc = uint64(mmiotest.MemoryBase)
	benchDst = benchSrc + 4<<20
)

func benchSetting(regs setting) setting {
	s := setting{"SRC_BASE_ADDR": benchSrc, "SRC_STRIDE": 4 * benchSide, "SRC_COLOR_MODE": fmtARGB8888, "SRC_RIGHT_BOTTOM": point(benchSide, benchSide),
		"DST_BASE_ADDR": benchDst, "DST_STRIDE": 4 * benchSide, "DST_COLOR_MODE": fmtARGB8888, "DST_RIGHT_BOTTOM": point(benchSide, benchSide)}
	for name, v := range regs {
		s[name] = v
	}
	return s
}

// benchFixture has room for two pictures.
func benchFixture(t testing.TB) (*mmiotest.Env, *mmiotest.Bench) {
	env, _, b := fixture(t)
	noise := env.Memory.Bytes
	env.Memory.Bytes = make([]byte, 8<<20)
	for i := range env.Memory.Bytes {
		env.Memory.Bytes[i] = noise[i%len(noise)] ^ byte(i>>20)
	}
	return env, b
}

func BenchmarkJobs(b *testing.B) {
	for _, j := range jobs() {
		b.Run(j.name, func(b *testing.B) {
			env, bench := benchFixture(b)
			s := benchSetting(j.regs)
			s.start(bench)
			env.Clock.Advance(aLongTime)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				bench.Write("BITBLT_START", startBitblt)
				env.Clock.Advance(aLongTime)
			}
			b.ReportMetric(float64(b.N)*benchSide*benchSide/1e6/b.Elapsed().Seconds(), "Mpixel/s")
			if len(env.Events.List) != 0 {
				b.Fatalf("events: %v", env.Events.List)
			}
		})
	}
}

// Nothing is allocated for an operation like the one before.
func TestAllocs(t *testing.T) {
	for _, j := range jobs() {
		env, bench := benchFixture(t)
		s := benchSetting(j.regs)
		s["DST_RIGHT_BOTTOM"] = point(64, 64)
		s.start(bench)
		env.Clock.Advance(aLongTime)
		if n := testing.AllocsPerRun(3, func() {
			bench.Write("BITBLT_START", startBitblt)
			env.Clock.Advance(aLongTime)
		}); n != 0 {
			t.Errorf("%s: %v allocations", j.name, n)
		}
	}
}
