console.log("stratctl");
