"""Names of months and days, and signs of currencies. Written by `python -m infra.cldr` from CLDR; do not edit."""

from __future__ import annotations

# Data of the Unicode CLDR, through Babel 2.19.0. Copyright 1991 Unicode, Inc., Unicode License v3.
# Each line of MONTHS: a number, a language, and the names in it, without accents, in lower case. Of WEEKDAYS: as there,
# with 1 for Monday.
MONTHS = """
1 af jan januarie
1 ar جانفي يناير
1 az yan yanvar
1 be сту студзень студзеня
1 bg яну януари
1 bn জানু জানুয়ারি
1 bs jan januar јан јануар
1 ca gen gener
1 cs led leden ledna
1 cy ion ionawr
1 da jan januar
1 de jan janner januar
1 el ιαν ιανουαριοσ ιανουαριου
1 en jan january
1 es ene enero
1 et jaan jaanuar
1 eu urt urtarrila
1 fa ژانویه
1 fi tammi tammikuu tammikuuta
1 fil ene enero
1 fr janv janvier
1 ga ean eanair
1 gl xan xaneiro
1 he ינואר ינו׳
1 hi जनवरी जन॰
1 hr sij sijecanj sijecnja
1 hu jan januar
1 hy հնվ հունվար հունվարի
1 id jan januari
1 is jan januar
1 it gen gennaio
1 ka იან იანვარი
1 kk қаң қаңтар
1 lt saus sausio sausis
1 lv janv janvaris
1 mk јан јануари
1 mr जाने जानेवारी
1 ms jan januari
1 mt jan jannar
1 nb jan januar
1 nl jan januari
1 nn jan januar
1 pl sty styczen stycznia
1 pt jan janeiro
1 ro ian ianuarie
1 ru янв январь января
1 sk jan januar januara
1 sl jan januar
1 sq jan janar
1 sr jan januar јан јануар
1 sv jan januari
1 sw jan januari
1 ta ஜன ஜனவரி
1 th ม.ค มกราคม
1 tr oca ocak
1 uk січ січень січня
1 ur جنوری
1 uz yan yanvar
2 af feb februarie
2 ar شباط فبراير فيفري
2 az fev fevral
2 be лют лютага люты
2 bg фев февруари
2 bn ফেব ফেব্রুয়ারি
2 bs feb februar феб фебруар
2 ca febr febrer
2 cs uno unor unora
2 cy chw chwef chwefror
2 da feb februar
2 de feb februar
2 el φεβ φεβρουαριοσ φεβρουαριου
2 en feb february
2 es feb febrero
2 et veebr veebruar
2 eu ots otsaila
2 fa فوریه
2 fi helmi helmikuu helmikuuta
2 fil peb pebrero
2 fr fevr fevrier
2 ga feabh feabhra
2 gl feb febreiro
2 he פברואר פבר׳
2 hi फ़रवरी फ़र॰
2 hr velj veljaca veljace
2 hu febr februar
2 hy փետրվար փետրվարի փտվ
2 id feb februari
2 is feb februar
2 it feb febbraio
2 ka თებ თებერვალი
2 kk ақп ақпан
2 lt vas vasario vasaris
2 lv febr februaris
2 mk фев февруари
2 mr फेब्रु फेब्रुवारी
2 ms feb februari
2 mt fra frar
2 nb feb februar
2 nl feb februari
2 nn feb februar
2 pl lut lutego luty
2 pt fev fevereiro
2 ro feb februarie
2 ru февр февраль февраля
2 sk feb februar februara
2 sl feb februar
2 sq shk shkurt
2 sr feb februar феб фебруар
2 sv feb februari
2 sw feb februari
2 ta பிப் பிப்ரவரி
2 th ก.พ กุมภาพันธ์
2 tr sub subat
2 uk лют лютии лютого
2 ur فروری
2 uz fev fevral
3 af maart mrt
3 ar آذار مارس
3 az mar mart
3 be сак сакавік сакавіка
3 bg март
3 bn মার্চ
3 bs mar mart мар март
3 ca marc
3 cs bre brezen brezna
3 cy maw mawrth
3 da mar marts
3 de mar marz
3 el μαρ μαρτιοσ μαρτιου
3 en mar march
3 es mar marzo
3 et marts
3 eu mar martxoa
3 fa مارس
3 fi maalis maaliskuu maaliskuuta
3 fil mar marso
3 fr mars
3 ga marta
3 gl mar marzo
3 he מרץ
3 hi मार्च
3 hr ozu ozujak ozujka
3 hu marc marcius
3 hy մարտ մարտի մրտ
3 id mar maret
3 is mar mars
3 it mar marzo
3 ka მარ მარტი
3 kk нау наурыз
3 lt kov kovas kovo
3 lv marts
3 mk мар март
3 mr मार्च
3 ms mac
3 mt mar marzu
3 nb mar mars
3 nl maart mrt
3 nn mar mars
3 pl mar marca marzec
3 pt mar marco
3 ro mar martie
3 ru мар март марта
3 sk mar marca marec
3 sl mar marec
3 sq mar mars
3 sr mar mart мар март
3 sv mars
3 sw mac machi
3 ta மார் மார்ச்
3 th มี.ค มีนาคม
3 tr mar mart
3 uk бер березень березня
3 ur مارچ
3 uz mar mart
4 af apr april
4 ar أبريل أفريل نيسان
4 az apr aprel
4 be кра красавік красавіка
4 bg апр април
4 bn এপ্রি এপ্রিল
4 bs apr april апр април
4 ca abr abril d’abr d’abril
4 cs dub duben dubna
4 cy ebr ebrill
4 da apr april
4 de apr april
4 el απρ απριλιοσ απριλιου
4 en apr april
4 es abr abril
4 et apr aprill
4 eu api apirila
4 fa آوریل
4 fi huhti huhtikuu huhtikuuta
4 fil abr abril
4 fr avr avril
4 ga aib aibrean
4 gl abr abril
4 he אפריל אפר׳
4 hi अप्रैल
4 hr tra travanj travnja
4 hu apr aprilis
4 hy ապր ապրիլ ապրիլի
4 id apr april
4 is apr april
4 it apr aprile
4 ka აპრ აპრილი
4 kk сәу сәуір
4 lt bal balandis balandzio
4 lv apr aprilis
4 mk апр април
4 mr एप्रि एप्रिल
4 ms apr april
4 mt apr april
4 nb apr april
4 nl apr april
4 nn apr april
4 pl kwi kwiecien kwietnia
4 pt abr abril
4 ro apr aprilie
4 ru апр апрель апреля
4 sk apr april aprila
4 sl apr april
4 sq pri prill
4 sr apr april апр април
4 sv apr april
4 sw apr aprili
4 ta ஏப் ஏப்ரல்
4 th เม.ย เมษายน
4 tr nis nisan
4 uk квіт квітень квітня
4 ur اپریل
4 uz apr aprel
5 af mei
5 ar أيار ماي مايو
5 az may
5 be маи мая
5 bg маи
5 bn মে
5 bs maj мај
5 ca maig
5 cs kve kveten kvetna
5 cy mai
5 da maj
5 de mai
5 el μαι μαιοσ μαιου
5 en may
5 es may mayo
5 et mai
5 eu mai maiatza
5 fa مه
5 fi touko toukokuu toukokuuta
5 fil may mayo
5 fr mai
5 ga beal bealtaine
5 gl maio
5 he מאי
5 hi मई
5 hr svi svibanj svibnja
5 hu maj majus
5 hy մայիս մայիսի մյս
5 id mei
5 is mai
5 it mag maggio
5 ka მაი მაისი
5 kk мам мамыр
5 lt geg geguze geguzes
5 lv maijs
5 mk мај
5 mr मे
5 ms mei
5 mt mej mejju
5 nb mai
5 nl mei
5 nn mai
5 pl maj maja
5 pt mai maio
5 ro mai
5 ru маи мая
5 sk maj maja
5 sl maj
5 sq maj
5 sr maj мај
5 sv maj
5 sw mei
5 ta மே
5 th พ.ค พฤษภาคม
5 tr may mayis
5 uk трав травень травня
5 ur مئی
5 uz may
6 af jun junie
6 ar جوان حزيران يونيو
6 az iyn iyun
6 be чэр чэрвень чэрвеня
6 bg юни
6 bn জুন
6 bs jun juni јун јуни
6 ca juny
6 cs cerven cervna cvn
6 cy meh mehefin
6 da jun juni
6 de jun juni
6 el ιουν ιουνιοσ ιουνιου
6 en jun june
6 es jun junio
6 et juuni
6 eu eka ekaina
6 fa ژوئن
6 fi kesa kesakuu kesakuuta
6 fil hun hunyo
6 fr juin
6 ga meith meitheamh
6 gl xuno
6 he יוני
6 hi जून
6 hr lip lipanj lipnja
6 hu jun junius
6 hy հնս հունիս հունիսի
6 id jun juni
6 is jun juni
6 it giu giugno
6 ka ივნ ივნისი
6 kk мау маусым
6 lt birz birzelio birzelis
6 lv jun junijs
6 mk јун јуни
6 mr जून
6 ms jun
6 mt gun gunju
6 nb jun juni
6 nl jun juni
6 nn jun juni
6 pl cze czerwca czerwiec
6 pt jun junho
6 ro iun iunie
6 ru июн июнь июня
6 sk jun juna
6 sl jun junij
6 sq qer qershor
6 sr jun јун
6 sv juni
6 sw jun juni
6 ta ஜூன்
6 th มิ.ย มิถุนายน
6 tr haz haziran
6 uk черв червень червня
6 ur جون
6 uz iyn iyun
7 af jul julie
7 ar تموز جويلية يوليو
7 az iyl iyul
7 be ліп ліпень ліпеня
7 bg юли
7 bn জুল জুলাই
7 bs jul juli јул јули
7 ca jul juliol
7 cs cervence cervenec cvc
7 cy gor gorff gorffennaf
7 da jul juli
7 de jul juli
7 el ιουλ ιουλιοσ ιουλιου
7 en jul july
7 es jul julio
7 et juuli
7 eu uzt uztaila
7 fa ژوئیه
7 fi heina heinakuu heinakuuta
7 fil hul hulyo
7 fr juil juill juillet
7 ga iuil
7 gl xul xullo
7 he יולי
7 hi जुलाई जुल॰
7 hr srp srpanj srpnja
7 hu jul julius
7 hy հլս հուլիս հուլիսի
7 id jul juli
7 is jul juli
7 it lug luglio
7 ka ივლ ივლისი
7 kk шіл шілде
7 lt liep liepa liepos
7 lv jul julijs
7 mk јул јули
7 mr जुलै
7 ms jul julai
7 mt lul lulju
7 nb jul juli
7 nl jul juli
7 nn jul juli
7 pl lip lipca lipiec
7 pt jul julho
7 ro iul iulie
7 ru июл июль июля
7 sk jul jula
7 sl jul julij
7 sq korr korrik
7 sr jul јул
7 sv juli
7 sw jul julai
7 ta ஜூலை
7 th ก.ค กรกฎาคม
7 tr tem temmuz
7 uk лип липень липня
7 ur جولائی
7 uz iyl iyul
8 af aug augustus
8 ar آب أغسطس أوت
8 az avq avqust
8 be жні жнівень жніуня
8 bg авг август
8 bn আগ আগস্ট
8 bs aug august ауг аугуст
8 ca ag agost d’ag d’agost
8 cs srp srpen srpna
8 cy awst
8 da aug august
8 de aug august
8 el αυγ αυγουστοσ αυγουστου
8 en aug august
8 es ago agosto
8 et aug august
8 eu abu abuztua
8 fa اوت
8 fi elo elokuu elokuuta
8 fil ago agosto
8 fr aout
8 ga lun lunasa
8 gl ago agosto
8 he אוגוסט אוג׳
8 hi अगस्त अग॰
8 hr kol kolovoz kolovoza
8 hu aug augusztus
8 hy օգոստոս օգոստոսի օգս
8 id agu agustus
8 is agu agust
8 it ago agosto
8 ka აგვ აგვისტო
8 kk там тамыз
8 lt rugp rugpjucio rugpjutis
8 lv aug augusts
8 mk авг август
8 mr ऑग ऑगस्ट
8 ms ogo ogos
8 mt aww awwissu
8 nb aug august
8 nl aug augustus
8 nn aug august
8 pl sie sierpien sierpnia
8 pt ago agosto
8 ro aug august
8 ru авг август августа
8 sk aug august augusta
8 sl avg avgust
8 sq gush gusht
8 sr avg avgust авг август
8 sv aug augusti
8 sw ago agosti
8 ta ஆக ஆகஸ்ட்
8 th ส.ค สิงหาคม
8 tr agu agustos
8 uk серп серпень серпня
8 ur اگست
8 uz avg avgust
9 af sep september
9 ar أيلول سبتمبر
9 az sen sentyabr
9 be вер верасень верасня
9 bg сеп септември
9 bn সেপ সেপ্ট সেপ্টেম্বর
9 bs sep septembar сеп септембар
9 ca set setembre
9 cs zar zari
9 cy medi
9 da sep september
9 de sep sept september
9 el σεπ σεπτεμβριοσ σεπτεμβριου
9 en sep september
9 es sept septiembre set setiembre
9 et sept september
9 eu ira iraila
9 fa سپتامبر
9 fi syys syyskuu syyskuuta
9 fil set setyembre
9 fr sept septembre
9 ga mfomh
9 gl set setembro
9 he ספטמבר ספט׳
9 hi सितंबर सित॰
9 hr ruj rujan rujna
9 hu szept szeptember
9 hy սեպ սեպտեմբեր սեպտեմբերի
9 id sep september
9 is sep september
9 it set settembre
9 ka სექ სექტემბერი
9 kk қыр қыркүиек
9 lt rugs rugsejis rugsejo
9 lv sept septembris
9 mk сеп септември
9 mr सप्टें सप्टेंबर
9 ms sep september
9 mt set settembru
9 nb sep september
9 nl sep september
9 nn sep september
9 pl wrz wrzesien wrzesnia
9 pt set setembro
9 ro sept septembrie
9 ru сент сентябрь сентября
9 sk sep september septembra
9 sl sep september
9 sq sht shtator
9 sr sep septembar сеп септембар
9 sv sep september
9 sw sep septemba
9 ta செப் செப்டம்பர்
9 th ก.ย กันยายน
9 tr eyl eylul
9 uk вер вересень вересня
9 ur ستمبر
9 uz sen sentabr
10 af okt oktober
10 ar أكتوبر
10 az okt oktyabr
10 be кас кастрычнік кастрычніка
10 bg окт октомври
10 bn অক্টো অক্টোবর
10 bs okt oktobar окт октобар
10 ca d’oct d’octubre oct octubre
10 cs rij rijen rijna
10 cy hyd hydref
10 da okt oktober
10 de okt oktober
10 el οκτ οκτωβριοσ οκτωβριου
10 en oct october
10 es oct octubre
10 et okt oktoober
10 eu urr urria
10 fa اکتبر
10 fi loka lokakuu lokakuuta
10 fil okt oktubre
10 fr oct octobre
10 ga dfomh
10 gl out outubro
10 he אוקטובר אוק׳
10 hi अक्टूबर अक्टू॰
10 hr lis listopad listopada
10 hu okt oktober
10 hy հոկ հոկտեմբեր հոկտեմբերի
10 id okt oktober
10 is okt oktober
10 it ott ottobre
10 ka ოქტ ოქტომბერი
10 kk қаз қазан
10 lt spal spalio spalis
10 lv okt oktobris
10 mk окт октомври
10 mr ऑक्टो ऑक्टोबर
10 ms okt oktober
10 mt ott ottubru
10 nb okt oktober
10 nl okt oktober
10 nn okt oktober
10 pl paz pazdziernik pazdziernika
10 pt out outubro
10 ro oct octombrie
10 ru окт октябрь октября
10 sk okt oktober oktobra
10 sl okt oktober
10 sq tet tetor
10 sr okt oktobar окт октобар
10 sv okt oktober
10 sw okt oktoba
10 ta அக் அக்டோபர்
10 th ต.ค ตุลาคม
10 tr eki ekim
10 uk жовт жовтень жовтня
10 ur اکتوبر
10 uz okt oktabr
11 af nov november
11 ar نوفمبر
11 az noy noyabr
11 be ліс лістапад лістапада
11 bg ное ноември
11 bn নভে নভেম্বর
11 bs nov novembar нов новембар
11 ca nov novembre
11 cs lis listopad listopadu
11 cy tach tachwedd
11 da nov november
11 de nov november
11 el νοε νοεμβριοσ νοεμβριου
11 en nov november
11 es nov noviembre
11 et nov november
11 eu aza azaroa
11 fa نوامبر
11 fi marras marraskuu marraskuuta
11 fil nob nobyembre
11 fr nov novembre
11 ga samh samhain
11 gl nov novembro
11 he נובמבר נוב׳
11 hi नवंबर नव॰
11 hr stu studeni studenoga
11 hu nov november
11 hy նոյ նոյեմբեր նոյեմբերի
11 id nov november
11 is nov november
11 it nov novembre
11 ka ნოე ნოემბერი
11 kk қар қараша
11 lt lapkr lapkricio lapkritis
11 lv nov novembris
11 mk ное ноември
11 mr नोव्हें नोव्हेंबर
11 ms nov november
11 mt nov novembru
11 nb nov november
11 nl nov november
11 nn nov november
11 pl lis listopad listopada
11 pt nov novembro
11 ro noiembrie nov
11 ru нояб ноябрь ноября
11 sk nov november novembra
11 sl nov november
11 sq nen nentor
11 sr nov novembar нов новембар
11 sv nov november
11 sw nov novemba
11 ta நவ நவம்பர்
11 th พ.ย พฤศจิกายน
11 tr kas kasim
11 uk лист листопад листопада
11 ur نومبر
11 uz noy noyabr
12 af des desember
12 ar ديسمبر
12 az dek dekabr
12 be сне снежань снежня
12 bg дек декември
12 bn ডিসে ডিসেম্বর
12 bs dec decembar дец децембар
12 ca des desembre
12 cs pro prosince prosinec
12 cy rhag rhagfyr
12 da dec december
12 de dez dezember
12 el δεκ δεκεμβριοσ δεκεμβριου
12 en dec december
12 es dic diciembre
12 et dets detsember
12 eu abe abendua
12 fa دسامبر
12 fi joulu joulukuu joulukuuta
12 fil dis disyembre
12 fr dec decembre
12 ga noll nollaig
12 gl dec decembro
12 he דצמבר דצמ׳
12 hi दिसंबर दिस॰
12 hr pro prosinac prosinca
12 hu dec december
12 hy դեկ դեկտեմբեր դեկտեմբերի
12 id des desember
12 is des desember
12 it dic dicembre
12 ka დეკ დეკემბერი
12 kk жел желтоқсан
12 lt gruod gruodis gruodzio
12 lv dec decembris
12 mk дек декември
12 mr डिसें डिसेंबर
12 ms dis disember
12 mt dic dicembru
12 nb des desember
12 nl dec december
12 nn des desember
12 pl gru grudnia grudzien
12 pt dez dezembro
12 ro dec decembrie
12 ru дек декабрь декабря
12 sk dec december decembra
12 sl dec december
12 sq dhj dhjetor
12 sr dec decembar дец децембар
12 sv dec december
12 sw des desemba
12 ta டிச டிசம்பர்
12 th ธ.ค ธันวาคม
12 tr ara aralik
12 uk груд грудень грудня
12 ur دسمبر
12 uz dek dekabr
"""
WEEKDAYS = """
1 af ma maandag
1 ar الاثنين
1 az b.e
1 be панядзелак пн
1 bg пн понеделник
1 bn সোম সোমবার
1 bs pon ponedjeljak пон понедјељак
1 ca dilluns dl
1 cs po pondeli
1 cy llun
1 da man mandag
1 de mo montag
1 el δευ δευτερα
1 en mon monday
1 es lun lunes
1 et esmaspaev
1 eu al astelehena
1 fa دوشنبه
1 fi ma maanantai maanantaina
1 fil lun lunes
1 fr lun lundi
1 ga luan
1 gl luns
1 hi सोम सोमवार
1 hr pon ponedjeljak
1 hu hetfo
1 hy երկ երկուշաբթի
1 id sen senin
1 is man manudagur
1 it lun lunedi
1 ka ორშ ორშაბათი
1 kk дс дүисенбі
1 lt pirmadienis pr
1 lv pirmd pirmdiena
1 mk пон понеделник
1 mr सोम सोमवार
1 ms isn isnin
1 mt it-tnejn tne
1 nb man mandag
1 nl ma maandag
1 nn ma mandag
1 pl pon poniedzialek
1 pt seg segunda segunda-feira
1 ro lun luni
1 ru пн понедельник
1 sk po pondelok
1 sl pon ponedeljek
1 sq hen
1 sr pon ponedeljak пон понедељак
1 sv man mandag
1 sw jumatatu
1 ta திங் திங்கள்
1 th จันทร์ วันจันทร์
1 tr pazartesi pzt
1 uk пн понеділок
1 ur پیر
1 uz dush dushanba
2 af di dinsdag
2 ar الثلاثاء
2 az c.a
2 be ау ауторак
2 bg вт вторник
2 bn মঙ্গল মঙ্গলবার
2 bs uto utorak уто уторак
2 ca dimarts dt
2 cs ut utery
2 cy maw
2 da tirs tirsdag
2 de di dienstag
2 el τρι τριτη
2 en tue tuesday
2 es mar martes
2 et teisipaev
2 eu ar asteartea
2 fa سه‌شنبه
2 fi ti tiistai tiistaina
2 fil mar martes
2 fr mar mardi
2 ga mairt
2 gl mar martes
2 hi मंगल मंगलवार
2 hr uto utorak
2 hu kedd
2 hy երեքշաբթի երք
2 id sel selasa
2 is þri þridjudagur
2 it mar martedi
2 ka სამ სამშაბათი
2 kk сеисенбі сс
2 lt an antradienis
2 lv otrd otrdiena
2 mk вто вторник
2 mr मंगळ मंगळवार
2 ms sel selasa
2 mt it-tlieta tli
2 nb tir tirsdag
2 nl di dinsdag
2 nn ty tysdag
2 pl wt wtorek
2 pt ter terca terca-feira
2 ro mar marti
2 ru вт вторник
2 sk ut utorok
2 sl tor torek
2 sq mar
2 sr uto utorak уто уторак
2 sv tis tisdag
2 sw jumanne
2 ta செவ் செவ்வாய்
2 th วันอังคาร อังคาร
2 tr sal sali
2 uk вт вівторок
2 ur منگل
2 uz sesh seshanba
3 af wo woensdag
3 ar الأربعاء
3 az cərsənbə
3 be серада ср
3 bg ср сряда
3 bn বুধ বুধবার
3 bs sri srijeda сри сриједа
3 ca dc dimecres
3 cs st streda
3 cy mer
3 da ons onsdag
3 de mi mittwoch
3 el τετ τεταρτη
3 en wed wednesday
3 es mie miercoles
3 et kolmapaev
3 eu asteazkena az
3 fa چهارشنبه
3 fi ke keskiviikko keskiviikkona
3 fil miy miyerkules
3 fr mer mercredi
3 ga cead
3 gl mer mercores
3 hi बुध बुधवार
3 hr sri srijeda
3 hu sze szerda
3 hy չորեքշաբթի չրք
3 id rab rabu
3 is mid midvikudagur
3 it mer mercoledi
3 ka ოთხ ოთხშაბათი
3 kk ср сәрсенбі
3 lt tr treciadienis
3 lv tresd tresdiena
3 mk сре среда
3 mr बुध बुधवार
3 ms rab rabu
3 mt erb l-erbgħa
3 nb ons onsdag
3 nl wo woensdag
3 nn on onsdag
3 pl sr sroda
3 pt qua quarta quarta-feira
3 ro mie miercuri
3 ru ср среда
3 sk st streda
3 sl sre sreda
3 sq mer
3 sr sre sreda сре среда
3 sv ons onsdag
3 sw jumatano
3 ta புத புதன்
3 th พุธ วันพุธ
3 tr car carsamba
3 uk середа ср
3 ur بدھ
3 uz chor chorshanba
4 af do donderdag
4 ar الخميس
4 az c.a
4 be чацвер чц
4 bg четвъртък чт
4 bn বৃহস্পতি বৃহস্পতিবার
4 bs cet cetvrtak чет четвртак
4 ca dijous dj
4 cs ct ctvrtek
4 cy iau
4 da tors torsdag
4 de do donnerstag
4 el πεμ πεμπτη
4 en thu thursday
4 es jue jueves
4 et neljapaev
4 eu og osteguna
4 fa پنجشنبه
4 fi to torstai torstaina
4 fil huw huwebes
4 fr jeu jeudi
4 ga dear deardaoin
4 gl xov xoves
4 hi गुरु गुरुवार
4 hr cet cetvrtak
4 hu cs csutortok
4 hy հինգշաբթի հնգ
4 id kam kamis
4 is fim fimmtudagur
4 it gio giovedi
4 ka ხუთ ხუთშაბათი
4 kk беисенбі бс
4 lt ketvirtadienis kt
4 lv ceturtd ceturtdiena
4 mk чет четврток
4 mr गुरु गुरुवार
4 ms kha khamis
4 mt il-ħamis ħam
4 nb tor torsdag
4 nl do donderdag
4 nn to torsdag
4 pl czw czwartek
4 pt qui quinta quinta-feira
4 ro joi
4 ru четверг чт
4 sk st stvrtok
4 sl cet cetrtek
4 sq enj
4 sr cet cetvrtak чет четвртак
4 sv tors torsdag
4 sw alhamisi
4 ta வியா வியாழன்
4 th พฤหัส วันพฤหัสบดี
4 tr per persembe
4 uk четвер чт
4 ur جمعرات
4 uz pay payshanba
5 af vr vrydag
5 ar الجمعة
5 az cumə
5 be пт пятніца
5 bg петък пт
5 bn শুক্র শুক্রবার
5 bs pet petak пет петак
5 ca divendres dv
5 cs pa patek
5 cy gwe gwen
5 da fre fredag
5 de fr freitag
5 el παρ παρασκευη
5 en fri friday
5 es vie viernes
5 et reede
5 eu or ostirala
5 fa جمعه
5 fi pe perjantai perjantaina
5 fil biy biyernes
5 fr ven vendredi
5 ga aoine
5 gl ven venres
5 hi शुक्र शुक्रवार
5 hr pet petak
5 hu pentek
5 hy ուր ուրբաթ
5 id jum jumat
5 is fos fostudagur
5 it ven venerdi
5 ka პარ პარასკევი
5 kk жм жұма
5 lt penktadienis pn
5 lv piektd piektdiena
5 mk пет петок
5 mr शुक्र शुक्रवार
5 ms jum jumaat
5 mt gim il-gimgħa
5 nb fre fredag
5 nl vr vrijdag
5 nn fr fredag
5 pl piatek pt
5 pt sex sexta sexta-feira
5 ro vin vineri
5 ru пт пятница
5 sk pi piatok
5 sl pet petek
5 sq pre
5 sr pet petak пет петак
5 sv fre fredag
5 sw ijumaa
5 ta வெள் வெள்ளி
5 th วันศุกร์ ศุกร์
5 tr cum cuma
5 uk пʼятниця пт
5 ur جمعہ
5 uz jum juma
6 af sa saterdag
6 ar السبت
6 az sənbə
6 be сб субота
6 bg сб събота
6 bn শনি শনিবার
6 bs sub subota суб субота
6 ca dissabte ds
6 cs so sobota
6 cy sad
6 da lor lordag
6 de sa samstag
6 el σαβ σαββατο
6 en sat saturday
6 es sab sabado
6 et laupaev
6 eu larunbata lr
6 fa شنبه
6 fi la lauantai lauantaina
6 fil sab sabado
6 fr sam samedi
6 ga sath
6 gl sab sabado
6 he שבת
6 hi शनि शनिवार
6 hr sub subota
6 hu szo szombat
6 hy շաբաթ շբթ
6 id sab sabtu
6 is lau laugardagur
6 it sab sabato
6 ka შაბ შაბათი
6 kk сб сенбі
6 lt sestadienis st
6 lv sestd sestdiena
6 mk саб сабота
6 mr शनि शनिवार
6 ms sab sabtu
6 mt is-sibt sib
6 nb lor lordag
6 nl za zaterdag
6 nn la laurdag
6 pl sob sobota
6 pt sab sabado
6 ro sam sambata
6 ru сб суббота
6 sk so sobota
6 sl sob sobota
6 sq sht
6 sr sub subota суб субота
6 sv lor lordag
6 sw jumamosi
6 ta சனி
6 th วันเสาร์ เสาร์
6 tr cmt cumartesi
6 uk сб субота
6 ur ہفتہ
6 uz shan shanba
7 af so sondag
7 ar الأحد
7 az bazar
7 be нд нядзеля
7 bg нд неделя
7 bn রবি রবিবার
7 bs ned nedjelja нед недјеља
7 ca dg diumenge
7 cs ne nedele
7 cy sul
7 da son sondag
7 de so sonntag
7 el κυρ κυριακη
7 en sun sunday
7 es dom domingo
7 et puhapaev
7 eu ig igandea
7 fa یکشنبه
7 fi su sunnuntai sunnuntaina
7 fil lin linggo
7 fr dim dimanche
7 ga domh
7 gl dom domingo
7 hi रवि रविवार
7 hr ned nedjelja
7 hu vasarnap
7 hy կիր կիրակի
7 id min minggu
7 is sun sunnudagur
7 it dom domenica
7 ka კვი კვირა
7 kk жексенбі жс
7 lt sekmadienis sk
7 lv svetd svetdiena
7 mk нед недела
7 mr रवि रविवार
7 ms ahad ahd
7 mt il-ħadd ħad
7 nb son sondag
7 nl zo zondag
7 nn so sondag
7 pl niedz niedziela
7 pt dom domingo
7 ro dum duminica
7 ru воскресенье вс
7 sk ne nedela
7 sl ned nedelja
7 sq die
7 sr ned nedelja нед недеља
7 sv son sondag
7 sw jumapili
7 ta ஞாயி ஞாயிறு
7 th วันอาทิตย์ อาทิตย์
7 tr paz pazar
7 uk нд неділя
7 ur اتوار
7 uz yak yakshanba
"""
# Each line: a sign, and the codes that it may mean.
SIGNS = """
$	ARS AUD CAD CLP COP MXN NZD SGD TWD USD UYU
$ AU	AUD
$ HK	HKD
$ NZ	NZD
$ SG	SGD
$ US	USD
$AR	ARS
$AU	AUD
$BM	BMD
$BN	BND
$BZ	BZD
$CA	CAD
$CL	CLP
$CO	COP
$EC	XCD
$FJ	FJD
$HK	HKD
$MX	MXN
$NA	NAD
$NZ	NZD
$SB	SBD
$SG	SGD
$SR	SRD
$TT	TTD
$US	USD
$UY	UYU
$WS	WST
A$	AUD
AU$	AUD
BM$	BMD
BR$	BRL
BS$	BSD
BZ$	BZD
Bds$	BBD
Br	BYN
C$	CAD
CA$	CAD
CN¥	CNY
EC$	XCD
EG£	EGP
FJ$	FJD
Ft	HUF
F CFA	XOF
GH₵	GHS
HK$	HKD
JM$	JMD
JP¥	JPY
K	MMK
KM	BAM
Ksh	KES
Kč	CZK
Lekë	ALL
MX$	MXN
NT$	TWD
NZ$	NZD
R	ZAR
R$	BRL
RD$	DOP
RM	MYR
Rp	IDR
Rs	PKR
S/	PEN
SI$	SBD
TSh	TZS
UK£	GBP
US$	USD
kr	NOK SEK
kr.	DKK ISK
soʻm	UZS
zł	PLN
£	GBP
£FK	FKP
£GB	GBP
£GI	GIP
£LB	LBP
¥	CNY JPY
¥CN	CNY
ƒ	XCG
КМ	BAM
Кч	CZK
ЛСЛ	LSL
ТМТ	TMT
Тл	TRY
ден.	MKD
дин.	RSD
зл	PLN
щ.д.	USD
֏	AMD
؋	AFN
أ.م.	MRU
ج.س.	SDG
ج.م.	EGP
د.أ.	JOD
د.إ.	AED
د.ب.	BHD
د.ت.	TND
د.ج.	DZD
د.ع.	IQD
د.ك.	KWD
د.ل.	LYD
د.م.	MAD
ر.إ.	IRR
ر.س.	SAR
ر.ع.	OMR
ر.ق.	QAR
ر.ي.	YER
ریال	IRR
فرانک CFA	XOF
ل.س.	SYP
ل.ل.	LBP
नेरू	NPR
৳	BDT
රු.	LKR
සිෆ්එ	XOF
฿	THB
ብር	ETB
៛	KHR
₦	NGN
₩	KRW
₪	ILS
₫	VND
€	EUR
₭	LAK
₮	MNT
₱	PHP
₴	UAH
₸	KZT
₹	INR
₺	TRY
₼	AZN
₽	RUB
₾	GEL
元	CNY
￥	JPY
￦	KRW
"""
# Codes of currencies in use (ISO 4217).
CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP
LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR
PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP
SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER
ZAR ZMW ZWG
"""
# Codes of currencies that are not written with two decimals.
DECIMALS = """
AFN:0 ALL:0 BHD:3 BIF:0 CLP:0 COP:0 DJF:0 GNF:0 HUF:0 IDR:0 IQD:0 IRR:0 ISK:0 JOD:3 JPY:0 KMF:0 KPW:0 KRW:0 KWD:3 LAK:0 LBP:0 LYD:3 MGA:0 MMK:0 OMR:3 PYG:0 RWF:0 SOS:0 SYP:0 TND:3 UGX:0 VND:0 VUV:0 XAF:0 XOF:0 XPF:0 YER:0
"""
