#include "textflag.h"

// func callerPC() uintptr
//
// A function without a frame leaves R29 as its caller set it, and the caller
// keeps its own return address one word above the saved R29.
TEXT ·callerPC(SB), NOSPLIT|NOFRAME, $0-8
	MOVD 8(R29), R0
	MOVD R0, ret+0(FP)
	RET
