#include "textflag.h"

// func callerPC() uintptr
//
// A function without a frame leaves BP as its caller set it, and the caller
// keeps its own return address one word above the saved BP.
TEXT ·callerPC(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ 8(BP), AX
	MOVQ AX, ret+0(FP)
	RET
