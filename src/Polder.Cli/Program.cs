Console.WriteLine("polder");
